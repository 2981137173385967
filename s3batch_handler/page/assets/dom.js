"use strict";
// Create elements, and update the page to show a new document.
// Text always becomes a text node, so keys and messages are never parsed as HTML.

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Create an element. Attributes that are null or false are left out.
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
function h(tag, attributes, ...children) {
  return /** @type {HTMLElement} */ (build(document.createElement(tag), attributes, children));
}

/**
 * Create an element of SVG.
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Child | Child[])} children
 */
function svg(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * @param {Element} element
 * @param {Record<string, string | number | boolean | null | undefined> | undefined} attributes
 * @param {(Child | Child[])[]} children
 */
function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
  return element;
}

/**
 * Update the children of an element. Existing nodes are kept where possible, with their focus,
 * selection and scroll position. An old and a new child with the same `data-key` are the same element.
 * The content of elements with `data-own` is not changed.
 * @param {Element} parent
 * @param {...Child} children
 */
function update(parent, ...children) {
  const focused = document.activeElement;
  updateChildren(parent, h("div", {}, ...children));
  // Otherwise, a screen reader would start at the top of the page again.
  if (focused && !focused.isConnected && parent instanceof HTMLElement) parent.focus({ preventScroll: true });
}

/** @param {Element} parent @param {Element} fresh */
function updateChildren(parent, fresh) {
  const wantedKeys = new Set([...fresh.children].map(keyOf));
  /** @type {Map<string, Element>} */
  const keyed = new Map();
  for (const child of [...parent.children]) {
    const key = keyOf(child);
    if (key === null) continue;
    if (!wantedKeys.has(key)) child.remove();
    else if (!keyed.has(key)) keyed.set(key, child);
  }
  /** @type {ChildNode | null} */
  let current = parent.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    const match = key === null ? nextThatCanBecome(current, wanted) : (keyed.get(key) ?? null);
    if (key !== null) keyed.delete(key);
    if (!match || !canBecome(match, wanted)) {
      parent.insertBefore(wanted, current);
      continue;
    }
    // An element loses its focus when it is moved, so the elements before it are removed instead.
    while (current && current !== match && keyOf(current) === null) {
      const next = current.nextSibling;
      current.remove();
      current = next;
    }
    if (current === match) current = match.nextSibling;
    else parent.insertBefore(match, current);
    updateNode(match, wanted);
  }
  while (current) {
    const next = current.nextSibling;
    current.remove();
    current = next;
  }
}

/** Return the key of an element. @param {Node} node */
function keyOf(node) {
  return node instanceof Element ? node.getAttribute("data-key") : null;
}

/** @param {ChildNode | null} node @param {Node} wanted */
function nextThatCanBecome(node, wanted) {
  while (node && !canBecome(node, wanted)) node = node.nextSibling;
  return node;
}

/** @param {Node} node @param {Node} wanted */
function canBecome(node, wanted) {
  if (node.nodeName !== wanted.nodeName) return false;
  return keyOf(node) === keyOf(wanted);
}

/** @param {Node} node @param {Node} wanted */
function updateNode(node, wanted) {
  if (!(node instanceof Element && wanted instanceof Element)) {
    if (node.nodeValue !== wanted.nodeValue) node.nodeValue = wanted.nodeValue;
    return;
  }
  const own = node.hasAttribute("data-own");
  for (const { name } of [...node.attributes]) {
    // The user opens and closes <details>.
    if (!wanted.hasAttribute(name) && name !== "open" && !own) node.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== "open" && node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  if (!own) updateChildren(node, wanted);
}

/**
 * Call a function for each click on a matching element, also on elements that are added later.
 * @param {string} selector
 * @param {(element: HTMLElement) => void} act
 */
function onClick(selector, act) {
  document.addEventListener("click", (event) => {
    const found = event.target instanceof Element ? event.target.closest(selector) : null;
    if (found instanceof HTMLElement) act(found);
  });
}

/** @type {Record<string, ReturnType<typeof setTimeout>>} */
const waiting = {};

/** Call a function when nothing has been typed for 200 ms. */
function later(/** @type {string} */ name, /** @type {() => void} */ act) {
  clearTimeout(waiting[name]);
  waiting[name] = setTimeout(act, 200);
}

/** Announce a change to screen readers. */
function announce(/** @type {string} */ text) {
  const place = document.getElementById("announcements");
  if (place) place.textContent = text;
}
