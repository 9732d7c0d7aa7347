const isDark = matchMedia("(prefers-color-scheme: dark)").matches;

async function frame(path, width) {
    const element = document.createElement("iframe");
    element.width = width;
    element.height = 844;
    const loaded = new Promise((resolve) => element.addEventListener("load", resolve));
    element.src = path;
    document.body.append(element);
    await loaded;
    return element.contentDocument;
}

// WCAG 2.2, "relative luminance" and "contrast ratio".
function luminance(color) {
    const [red, green, blue] = color.match(/[\d.]+/g).map(Number).map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
}

for (const path of ["/away/", "/broken/"]) {
    for (const width of [280, 390, 768, 1280]) {
        check(`${path} at ${width}`, async () => {
            const page = await frame(path, width);
            const view = page.defaultView;
            expect(page.documentElement.scrollWidth <= width, true, "that it fits");
            const style = (selector) => view.getComputedStyle(page.querySelector(selector));
            expect(luminance(style("body").backgroundColor) < 0.1, isDark, "that it is dark");
            const main = page.querySelector("main").getBoundingClientRect();
            expect(Math.abs(main.left + main.right - page.documentElement.clientWidth) < 2, true, "that it is in the middle");
            expect(main.top >= 0 && main.left > 0, true, "that there is room around it");
            for (const element of page.querySelectorAll("main *")) {
                const found = contrast(view.getComputedStyle(element).color, style("main").backgroundColor);
                expect(found >= 4.5, true, `a contrast of ${found} in ${element.tagName} ${element.className}: enough`);
                expect(parseFloat(view.getComputedStyle(element).fontSize) >= 14, true, "letters that can be read");
            }
        });
    }
}

window.addEventListener("load", report);
