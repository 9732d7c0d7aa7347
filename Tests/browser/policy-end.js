const isStrict = location.pathname.startsWith("/strict");

check("the inline script", () => expect(window.inlineHasRun === true, !isStrict, "that it has run"));

check("an inline handler", () => {
    document.querySelector("p").click();
    expect(window.handlerHasRun === true, !isStrict, "that it has run");
});

check("an inline style", () =>
    expect(getComputedStyle(document.querySelector("p")).color === "rgb(1, 2, 3)", !isStrict, "that it counts"));

check("the browser tells of violations", async () => {
    // It tells of them when it has come to that.
    for (let waited = 0; isStrict && violations.length < 3 && waited < 200; waited++) await new Promise((resolve) => setTimeout(resolve, 50));
    const directives = violations.map((event) => `${event.blockedURI} ${event.effectiveDirective} ${event.disposition}`);
    for (const directive of ["script-src-elem", "script-src-attr", "style-src-attr"]) {
        expect(directives.includes(`inline ${directive} enforce`), isStrict, `inline ${directive} among ${directives}: it`);
    }
    for (const event of violations) expect(event.originalPolicy, "default-src 'self'; frame-ancestors 'self'", "the policy");
});

check("a script from elsewhere", async () => {
    const script = document.createElement("script");
    const loaded = new Promise((resolve) => {
        script.onload = () => resolve(true);
        script.onerror = () => resolve(false);
    });
    script.src = location.origin.replace("app.localhost", "evil.localhost") + "/policy.js";
    document.head.append(script);
    expect(await loaded, !isStrict, "that it was loaded");
});

window.addEventListener("load", report);
