#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the page shows in a browser, held against the platform document: test_page.py FOLDER.

Prints TAP. Machines are the lab's, made-up ones of any size, and one whose names are hostile.
"""

import itertools
import json
import os
import pathlib
import subprocess
import sys
import time

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LAB = ROOT / "tests/data/platform/lab/lspci-xxxx.txt.xz"
FOLDER = pathlib.Path(sys.argv[1])

LETTERS = {"bus-address": "D", "host-bridge": "H", "not-supported": "x", "unknown": "?"}

# A name that would break out of the script element, of an attribute, of the line's direction.
HOSTILE = [
    "</script><script>document.title='broken'</script>",
    "<img src=x onerror=\"document.title='broken'\">",
    "<!-- <script> \" ' ` &lt;b&gt; \\u003c",
    "\u202eelbisivni \u2066\x01",
]


class Tap:
    number = failed = 0

    def check(self, title, good, detail=""):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {title}")
        if not good and detail:
            print("\n".join(f"# {line}" for line in str(detail)[:2000].splitlines()))

    def same(self, title, wanted, found):
        self.check(title, wanted == found, f"wanted {wanted}\nfound  {found}")


tap = Tap()


def p2pcert(*args):
    done = subprocess.run(
        [os.environ["P2PCERT"], *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    return done.stdout


def browser():
    options = webdriver.ChromeOptions()
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "window-size=1500,950"):
        options.add_argument(f"--{argument}")
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.chrome.service.Service("/usr/bin/chromedriver")
    return webdriver.Chrome(service=service, options=options)


def settle(driver):
    driver.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))"
    )


def requests(driver):
    """What the page has asked for since the last call, itself left out."""
    found = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            found.append(message["params"]["request"]["url"])
    return [url for url in found if not url.startswith(f"file://{FOLDER}")]


def load(driver, name, source, *options):
    page = FOLDER / f"{name}.html"
    p2pcert("topo", "--format=html", "--from", str(source), "-o", str(page), *options)
    driver.get_log("performance")
    start = time.monotonic()
    driver.get(f"file://{page}")
    took = time.monotonic() - start
    tap.check(f"{name}: the page starts", driver.execute_script("return document.body.dataset.ready") == "yes")
    return took


def quiet(driver, name):
    tap.same(f"{name}: nothing on the console", [], driver.get_log("browser"))
    tap.same(f"{name}: nothing is fetched", [], requests(driver))


def document(source):
    return json.loads(p2pcert("probe", "--pairs=class", "--from", str(source)))


def tree(driver, name, functions):
    """Every function is on the tree once everything is open, and small enough."""
    driver.find_element(By.ID, "expand").click()
    driver.find_element(By.ID, "fit").click()
    settle(driver)
    shown = driver.execute_script(
        "return [...document.querySelectorAll('#tree [data-address]')].map(e => e.dataset.address)"
    )
    tap.same(f"{name}: every function is on the tree once", sorted(f["address"] for f in functions), sorted(shown))


def wanted_cells(pairs, shown):
    """For the classes shown, by their first functions; a lot of pairs is of one class or several."""
    rows, columns = {key[0] for key in shown}, {key[1] for key in shown}
    cells = {}
    for pair in pairs:
        direct = pair["verdict"] in ("bus-address", "host-bridge")
        text = LETTERS[pair["verdict"]] + (str(pair["distance"]) if direct else "")
        alone = pair["initiators"] == pair["targets"]
        keys = itertools.product(rows.intersection(pair["initiators"]), columns.intersection(pair["targets"]))
        keys = [(row, column) for row, column in keys if row != column or alone]
        # a lot that no cell stands for is missing
        cells.update(dict.fromkeys(keys or [(pair["initiator"], pair["target"])], text))
    return cells


# Goes over the whole matrix, of which only what is in view is there.
READ_MATRIX = """
const box = document.getElementById('matrix'), found = {};
document.getElementById('tab-pairs').click();
for (const chip of document.querySelectorAll('#kinds [aria-pressed=false]'))
    chip.click();
for (let top = 0; top <= box.scrollHeight; top += 200)
    for (let left = 0; left <= box.scrollWidth; left += 400) {
        box.scrollTop = top;
        box.scrollLeft = left;
        drawMatrix();
        for (const cell of document.querySelectorAll('.cell')) {
            const of = classes => functions[data.classes[classes].first].address;
            found[of(matrix.rows[cell.dataset.row]) + ' ' + of(matrix.columns[cell.dataset.column])] =
                cell.textContent;
        }
    }
box.scrollTop = box.scrollLeft = 0;
drawMatrix();
return found;
"""


def cells_of(driver, name, pairs):
    shown = {tuple(key.split()): text for key, text in driver.execute_script(READ_MATRIX).items()}
    nothing = {key for key, text in shown.items() if text == "."}
    found = {key: text for key, text in shown.items() if key not in nothing}
    tap.same(f"{name}: the matrix says what the document says", wanted_cells(pairs, shown), found)


def reasons(driver, name, pairs):
    """Pointing at a cell, and keys, show why; from there to the tree."""
    cell = driver.find_element(By.CSS_SELECTOR, ".cell:not(.none)")
    cell.click()
    first, second = (
        driver.execute_script(
            "return pairAt(+arguments[0].dataset.row, +arguments[0].dataset.column)[arguments[1]]", cell, end
        )
        for end in ("initiator", "target")
    )
    addresses = driver.execute_script("return [functions[arguments[0]].address, functions[arguments[1]].address]", first, second)
    pair = next(p for p in pairs if [p["initiator"], p["target"]] == addresses)
    tap.check(f"{name}: a cell tells its reason", pair["reason"] in driver.find_element(By.ID, "reason").text)
    before = driver.find_element(By.CSS_SELECTOR, ".cell.on").get_attribute("id")
    driver.find_element(By.ID, "matrix").send_keys(Keys.ARROW_DOWN)
    settle(driver)
    tap.check(f"{name}: keys move in the matrix", driver.find_element(By.CSS_SELECTOR, ".cell.on").get_attribute("id") != before)
    driver.find_element(By.CSS_SELECTOR, "#reason button:last-child").click()
    settle(driver)
    tap.check(f"{name}: a pair is shown on the tree", driver.find_elements(By.CSS_SELECTOR, "#tree .path, #tree .node.selected"))


def select(driver, address):
    driver.find_element(By.ID, "tab-tree").click()
    driver.execute_script("center(nodeOf.get(indexOf.get(arguments[0])))", address)
    settle(driver)
    node = driver.find_element(By.CSS_SELECTOR, f"#tree [data-address='{address}'] .box")
    webdriver.ActionChains(driver).move_to_element(node).click().perform()
    settle(driver)


def routes(driver, name, source, address, blocked):
    """A function that is clicked shows its routes; one of those, its way and what blocks it."""
    select(driver, address)
    tap.check(f"{name}: a click shows the function", driver.find_element(By.CSS_SELECTOR, "#details h2").text == address)
    pairs = [p for p in json.loads(p2pcert("probe", "--pairs=all", "--from", str(source)))["pairs"] if p["initiator"] == address]
    shown = driver.execute_script(
        "return [...document.querySelectorAll('#tree [data-address]')]"
        ".map(e => [e.dataset.address, (e.getAttribute('class').match(/v-[a-z-]+/) || [''])[0]])"
    )
    colours = {a: c for a, c in shown if c}
    wanted = {p["target"]: f"v-{p['verdict']}" for p in pairs if p["target"] in dict(shown)}
    tap.same(f"{name}: its answers colour the tree", wanted, colours)
    pair = next(p for p in pairs if bool(p["blocked_by"]) == blocked)
    button = next(
        b
        for b in driver.find_elements(By.CSS_SELECTOR, ".route")
        if driver.execute_script("return data.class_of[indexOf.get(arguments[0])]", pair["target"]) == int(b.get_attribute("data-class"))
    )
    button.click()
    settle(driver)
    tap.check(f"{name}: a route tells its reason", pair["reason"] in driver.find_element(By.ID, "because").text, driver.find_element(By.ID, "because").text)
    red = [e.get_attribute("data-address") for e in driver.find_elements(By.CSS_SELECTOR, "#tree .node.blocked")]
    tap.same(f"{name}: ports that block are red", sorted(pair["blocked_by"]), sorted(red))
    tap.check(f"{name}: its way is drawn", driver.find_elements(By.CSS_SELECTOR, "#tree .path"))


def keyboard(driver, name):
    driver.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
    search = driver.find_element(By.ID, "search")
    search.send_keys("03:00.0")
    tap.check(f"{name}: a search marks what it finds", driver.find_elements(By.CSS_SELECTOR, "#tree .node.hit"))
    search.send_keys(Keys.ENTER)
    settle(driver)
    tap.check(f"{name}: Enter goes there", driver.find_element(By.CSS_SELECTOR, "#details h2").text.endswith("03:00.0"))
    search.clear()
    svg = driver.find_element(By.ID, "tree")
    driver.execute_script("arguments[0].focus()", svg)
    for key in (Keys.HOME, Keys.ARROW_DOWN, Keys.ENTER):
        svg.send_keys(key)
    settle(driver)
    first = driver.execute_script("return functions[visible.find(n => n.fn >= 0).fn].address")
    tap.same(f"{name}: keys choose on the tree", first, driver.find_element(By.CSS_SELECTOR, "#details h2").text)
    svg.send_keys(Keys.HOME, Keys.ARROW_LEFT)
    settle(driver)
    closed = driver.find_element(By.CSS_SELECTOR, "#tree [aria-expanded=false]")
    tap.check(f"{name}: and close what is below", closed.is_displayed())


def lab(driver):
    load(driver, "lab", LAB)
    doc = document(LAB)
    tree(driver, "lab", doc["functions"])
    cells_of(driver, "lab", doc["pairs"])
    reasons(driver, "lab", doc["pairs"])
    routes(driver, "lab", LAB, "0000:03:00.0", False)
    keyboard(driver, "lab")
    found = json.loads(subprocess.run([os.environ["P2PCERT"], "check", "--json", "--from", str(LAB)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout)
    driver.find_element(By.ID, "tab-findings").click()
    cards = [e.text for e in driver.find_elements(By.CSS_SELECTOR, ".finding .mono:nth-of-type(2)")]
    tap.same("lab: findings are those of the checks", [f["code"] for f in found["findings"]], cards)
    quiet(driver, "lab")


def made_up(nr):
    file = FOLDER / f"machine-{nr}.txt"
    with file.open("w") as f:
        subprocess.run([sys.executable, str(ROOT / "tests/bench/machine.py"), str(nr)], stdout=f, check=True)
    return file


def large(driver):
    source = made_up(517)
    load(driver, "517", source)
    doc = document(source)
    tree(driver, "517", doc["functions"])
    cells_of(driver, "517", doc["pairs"])
    routes(driver, "517", source, "0000:03:00.0", True)
    quiet(driver, "517")


def huge(driver):
    took = load(driver, "10000", made_up(10000))
    tap.check("10000: it is there within 20 seconds", took < 20, took)
    for title, script in (
        ("all is opened", "document.getElementById('expand').click()"),
        ("a function is chosen", "select(3000); center(nodeOf.get(3000))"),
        ("pairs are shown", "document.getElementById('tab-pairs').click()"),
    ):
        start = time.monotonic()
        driver.execute_script(script)
        settle(driver)
        took = time.monotonic() - start
        tap.check(f"10000: {title} within 10 seconds", took < 10, took)
    inside = driver.execute_script("return document.querySelectorAll('*').length")
    tap.check("10000: what is out of view is not in the document", inside < 20000, inside)
    quiet(driver, "10000")


def hostile(driver):
    """Names come from lspci text as they are; each is shown as text, and does nothing."""
    lines = []
    for n, name in enumerate(HOSTILE):
        lines.append(f"0000:00:{n:02x}.0 Ethernet controller: {name} (rev b0)\n\tKernel driver in use: {name}\n")
        lines.append(f"\tRegion 0: Memory at {n + 1}000000 (64-bit, prefetchable) [size=32M]\n\n")
    source = FOLDER / "hostile <b>&\"name.txt"
    source.write_text("".join(lines))
    load(driver, "hostile", source)
    functions = document(source)["functions"]
    tap.same("hostile: every name was read", len(HOSTILE), len([f for f in functions if f["name"] and f["driver"]]))
    driver.find_element(By.ID, "expand").click()
    for n, function in enumerate(functions):
        driver.execute_script("select(arguments[0])", n)
        found = driver.execute_script("return [...document.querySelectorAll('#details dd, #details h2 + p')].map(e => e.textContent)")
        for key in ("name", "driver"):
            tap.check(f"hostile: {key} {n} is text", function[key] in found, [function[key], found])
    tap.same("hostile: no element came of a name", 0, len(driver.find_elements(By.CSS_SELECTOR, "img, b > b")))
    tap.same("hostile: two scripts, the page's own", 2, driver.execute_script("return document.scripts.length"))
    tap.check("hostile: none of them has run", driver.title.endswith("p2pcert topo"), driver.title)
    quiet(driver, "hostile")


def no_pairs(driver):
    """A machine without what was asked for: the tree is there, and nothing breaks."""
    load(driver, "no pairs", LAB, "--between=gpu")
    for tab in ("tab-pairs", "tab-tree"):
        driver.find_element(By.ID, tab).click()
    select(driver, "0000:03:00.0")
    tap.same("no pairs: nothing is coloured", [], driver.find_elements(By.CSS_SELECTOR, "#tree [class*=' v-']"))
    quiet(driver, "no pairs")


def report_of(pass_too):
    """A report of a run on the lab's machine: the kept ones, of which one failed, with its addresses."""
    folder = ROOT / "tests/data/report" / ("pass" if pass_too else "fail-refuted")
    text = (folder / "report.json").read_text()
    path = FOLDER / f"{folder.name}.json"
    path.write_text(text.replace("0000:03:00.0", "0000:04:00.0").replace("0000:02:00.0", "0000:03:00.0"))
    return path


MARKS = """
document.getElementById('tab-pairs').click();
drawMatrix();
return [...document.querySelectorAll('.cell[data-moved]')].map(c => [c.dataset.moved, 'differs' in c.dataset,
    getComputedStyle(c, '::after').content]);
"""


def measured(driver):
    """What a run has ruled and moved stands beside what is predicted, and what differs is seen to."""
    for name, pass_too, marks in (
        ("a run that passed", True, [["\u00d7", False, '"\u00d7"'], ["+", False, '"+"']]),
        ("a run that failed", False, [["!", True, '"!"']]),
    ):
        load(driver, name, LAB, f"--report={report_of(pass_too)}", "--pairs")
        found = driver.execute_script(MARKS)
        tap.same(f"{name}: what moved is marked", sorted(marks), sorted(found))
        cell = driver.find_element(By.CSS_SELECTOR, ".cell[data-moved='+'], .cell[data-moved='!']")
        cell.click()
        text = driver.find_element(By.ID, "reason").text
        tap.check(f"{name}: and said", "moved: " + ("the right" if pass_too else "wrong") + " data arrived (topo" in text, text)
        tap.check(f"{name}: beside the ruling", "ruled: " in text, text)
        tap.check(f"{name}: the signs are explained", "framed: " in driver.find_element(By.ID, "key").text)
        driver.save_screenshot(str(FOLDER / "measured.png"))
        quiet(driver, name)


def policy(driver):
    """What got into the page all the same would not run."""
    load(driver, "policy", LAB)
    driver.execute_script(
        "const s = document.createElement('script'); s.textContent = 'document.title = \"broken\"';"
        "document.body.append(s); const i = document.createElement('img');"
        "i.src = 'http://127.0.0.1:9/'; document.body.append(i)"
    )
    settle(driver)
    tap.check("policy: a script that is not the page's own does not run", driver.title != "broken")
    log = " ".join(entry["message"] for entry in driver.get_log("browser"))
    tap.check("policy: and an image is not fetched", "img-src" in log or "default-src" in log, log)


def main():
    driver = browser()
    driver.set_script_timeout(30)
    try:
        for part in (lab, large, huge, hostile, no_pairs, measured, policy):
            part(driver)
    finally:
        driver.quit()
    print(f"1..{tap.number}")
    return tap.failed != 0


sys.exit(main())
