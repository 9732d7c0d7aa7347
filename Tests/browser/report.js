// What the pages of BrowserTests have in common: cases that run one after another, and a report of them to the server of the page.

const cases = [];

function check(name, run) {
    cases.push([name, run]);
}

function expect(found, wanted, what) {
    if (found !== wanted) throw new Error(`${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

// What a browser makes of an answer that the page may not read.
async function expectRefusal(request, what) {
    try {
        await request;
    } catch (error) {
        expect(error.name, "TypeError", `the error of ${what}`);
        return;
    }
    throw new Error(`${what} was let through`);
}

async function report() {
    const lines = [];
    for (const [name, run] of cases) {
        try {
            await run();
            lines.push(`ok ${name}`);
        } catch (error) {
            lines.push(`FAILED ${name}: ${error.name}: ${error.message}`);
        }
    }
    await fetch("/report", { method: "POST", body: lines.concat(`${cases.length} cases`).join("\n") });
}
