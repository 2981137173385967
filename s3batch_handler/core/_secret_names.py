"""Names of credentials, as data for the patterns of ``_named_secrets.py``."""

from __future__ import annotations

from typing import Final

from s3batch_handler.core._patterns import words

NAMES: Final = (
    *("header value", "identified by"),
    *words("""
        access-key access-key-id account-key admin-key api-key app-key application-key
        assertion auth-key authorization client-key consumer-key cookie credential
        customer-key decryption-key encryption-key fernet-key function-key functions-key
        google-access-id host-key key-pair-id license-key master-key pass-key passcode
        passphrase passwd password plaintext private-key pswd pwd saml-request saml-response
        secret secret-binary secret-key secret-string security-key service-key sessid
        session-id session-key shared-key signature signing-key storage-key subscription-key
        token userpass
    """),
)
"""Names of credentials, also at the end of longer names: ``X-Amz-Security-Token``.

A ``-`` also matches ``_``, a space or nothing, and an ``s`` may follow.
"""

SHORT_NAMES: Final = words("""
    adminpass auth bearer cred creds dbpass hmac jwt keypass mfa-code mypass otp pass passwort
    pin pw rootpass sas session sid sig sign smtppass storepass ticket totp
""")
"""Names of credentials that must be whole words: ``design`` does not contain ``sign``."""

KEY_OWNERS: Final = frozenset(
    (
        # algorithms, formats and protocols
        *words("""
        aes apns cek cert chacha chacha20 cipher crypt crypto dec decrypt dek des drm dsa
        ecdsa ed25519 enc encrypt gpg hkdf hmac hotp jwe jwk jws jwt kek ldap mfa mtls nacl
        oauth oidc otp pem pgp ppk psk rsa saml sftp sig sign smtp ssh ssl sso tdes tls totp
        vapid vpn webhook wg widevine wifi wireguard wpa x25519 x509
    """),
        # what keys are for
        *words("""
        authentication authorization bitlocker bot captcha cryptographic csrf deploy
        deployment escrow hook keystore luks merchant provisioning recovery salt symmetric
        unseal verification wallet wrapping xsrf
    """),
        # services
        *words("""
        ably adyen airtable alchemy algolia alibaba aliyun alphavantage amplitude anthropic
        apify assemblyai atlassian auth0 aws azure binance bitbucket braintree brevo
        brightdata bugsnag cerebras circleci claude clicksend cloudconvert cloudflare
        cloudinary codecov cohere coinbase confluence convertapi cosmos cosmosdb databricks
        datadog deepgram deepl deepseek digitalocean discord dropbox dynatrace elevenlabs
        etherscan facebook fastly fcm figma filestack finnhub firebase firecrawl flickr gcp
        gemini giphy github gitlab google google_maps googlemaps gpt grafana groq hcaptcha
        helicone heroku hf honeycomb hubspot huggingface iam imagekit imgix infura
        instrumentation intercom ipinfo ipstack jina jira klaviyo langchain langfuse
        langsmith launchdarkly linkedin linode litellm logdna loggly logzio mailchimp
        mailgun mandrill mapbox maxmind meilisearch messagebird mistral mixpanel netlify
        new_relic newrelic newsapi nexmo notion npm okta onesignal openai openrouter
        openweather openweathermap opsgenie optimizely pagerduty papertrail paypal
        perplexity pexels pinecone pixabay plaid plivo posthog postmark pusher pypi qdrant
        rapidapi razorpay recaptcha removebg rollbar salesforce scraperapi sendgrid
        sendinblue sentry serpapi shodan shopify sinch slack snyk sonarqube sparkpost splunk
        stripe sumologic supabase tavily telegram tencent tinify tinypng tmdb tomtom trello
        turnstile twilio twitter typesense unsplash uploadcare vercel virustotal vonage
        wandb weatherapi weaviate whatsapp wolfram xai zendesk zyte
    """),
    )
)
"""The words before ``_KEY`` in names of credentials; ``PARTITION_KEY`` is not a credential."""

NAMES_IN_QUERIES: Final = words("""
    access activation appid code confirmation csrf hash hdnea hdnts invite key licence license
    magic md5 nonce policy reset rlkey state tok verification verifier xsrf
""")
"""Names that are credentials only in query strings, and only if their values look random."""

HEADERS: Final = ("authorization", "cookie", "header value")
"""Names of HTTP headers, which always have a credential as their value."""

NAMES_BEFORE_QUOTES: Final = (
    *("header value", "identified by"),
    *words("passphrase passwd password"),
)
"""Names that need no separator before a quoted value."""

NAMES_IN_SENTENCES: Final = words("""
    assertion auth bearer cookies cred credential credentials hmac pass pin plaintext session
    signature ticket token
""")
"""Names that a sentence may also contain, as in ``invalid token: expired``."""

PLAIN_WORDS: Final = words("""
    denied empty expected expired failed incorrect invalid malformed missing required unknown
    unset unused wrong
""")
"""Words that are not the value of a credential."""

OTHER_TOKENS: Final = words("continuation next page pagination unexpected")
"""Words before ``token`` that make it something other than a credential."""

NAME_HINTS: Final = (
    "header value",
    *words("""
        access activat appid assert auth bearer code confirm cookie cred google hash hdn hmac
        identified invite jwt key licen magic md5 nonce otp pass pin plaintext policy pswd pw
        reset saml sas secret securestring sessi sid sig srf state ticket tok verifi
    """),
)
"""Parts of the names: without any of them in a text, the slower patterns are not used."""
