// Trusted Types: pages may be given HTML that our own server rendered; script and script addresses stay refused.
if (window.trustedTypes?.createPolicy) trustedTypes.createPolicy("default", { createHTML: (html) => html });
