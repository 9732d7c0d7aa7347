// Before the inline script, so that it sees what becomes of it.
const violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event));
