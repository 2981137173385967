"""The server that the tests of ``s3batch job`` share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.job_server import Server
from tests.support.moto_process import moto_process
from tests.support.serving import APP, server_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the function ``read``, and a bucket ``inbox`` with objects and manifests."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "app.py").write_text(APP)
    with server_process(folder, "--function", "read=app.py:handler") as (_, address):
        server = Server(folder, address)
        put = server.s3.put_object
        server.s3.create_bucket(
            Bucket="inbox", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        put(Bucket="inbox", Key="a b.txt", Body=b"good")
        put(Bucket="inbox", Key="c.txt", Body=b"bad")
        put(Bucket="inbox", Key="m.csv", Body=b"inbox,a%20b.txt\n")
        put(Bucket="inbox", Key="two.csv", Body=b"inbox,a%20b.txt\ninbox,c.txt\n")
        put(Bucket="inbox", Key="inventory/manifest.json", Body=b"{}")
        yield server


@pytest.fixture(scope="package")
def moto() -> Iterator[str]:
    """The address of moto, with the services that ``s3batch serve`` does not have."""
    with moto_process() as address:
        yield address


@pytest.fixture(scope="package")
def stack(server: Server, moto: str, project: Path) -> str:
    """A stack with the outputs of ``template.yaml``; moto cannot create that template itself."""
    outputs = yaml.load(project.joinpath("template.yaml").read_text(), yaml.BaseLoader)["Outputs"]
    places = {
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:read:7",
        "JobRoleArn": "arn:aws:iam::123456789012:role/job",
        "ManifestLocation": "s3://inbox/manifests",
        "ReportLocation": "s3://inbox/reports",
    }
    template = {
        "Resources": {"Work": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": places.get(name, "another")} for name in outputs},
    }
    server.cloudformation_address = moto
    client: Any = boto3.Session("testing", "testing", region_name="eu-west-1").client(
        "cloudformation", endpoint_url=server.cloudformation_address
    )
    without_outputs = {"Resources": template["Resources"]}
    client.create_stack(StackName="compress", TemplateBody=json.dumps(template))
    client.create_stack(StackName="other", TemplateBody=json.dumps(without_outputs))
    deleted = client.create_stack(StackName="old", TemplateBody=json.dumps(template))["StackId"]
    client.delete_stack(StackName=deleted)
    server.deleted_stack = deleted
    return "compress"
