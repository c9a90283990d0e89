"One browser a file of tests; a page in it at two widths"
import pytest
from browsing import SIZES, chromium, picture


@pytest.fixture(scope='module')
def browser():
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
        yield started
        started.close()


@pytest.fixture(params=SIZES)
def page(browser, address, request):
    """The page at `address`, which a file of tests says, on a desk and on a phone; errors and requests to
    elsewhere fail the test, and a page from disk has no network"""
    width, height, scheme = SIZES[request.param]
    hand = request.param == 'phone'
    disk = address.startswith('file:')
    context = browser.new_context(viewport=dict(width=width, height=height), color_scheme=scheme,
                                  is_mobile=hand, has_touch=hand, offline=disk)
    opened = context.new_page()
    opened.set_default_timeout(120_000)
    opened.problems = []
    note = opened.problems.append
    here = ('file:' if disk else address, 'data:', 'blob:')
    opened.on('console', lambda said: said.type in ('error', 'warning') and note(said.text))
    opened.on('pageerror', lambda error: note(str(error)))
    opened.on('request', lambda asked: asked.url.startswith(here) or note(asked.url))
    opened.goto(address)
    about = request.module.__name__.removeprefix('test_')
    opened.shown = lambda name: picture(opened, f'{about}-{name}-{width}')
    yield opened
    context.close()
    assert not opened.problems
