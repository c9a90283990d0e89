"The built web site (`make docs`): its links, and its pages in a browser"
import re, sys, threading
from contextlib import contextmanager
from functools import cache
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browsing import chromium
from nbdev.config import get_config
from nbdev.doclinks import _nbpath2html, nbglob

root = Path(__file__).parent.parent
cfg = get_config(path=root)
site = root/cfg.doc_path.name
vendored = (root/'docs'/'_vendor').exists()
built = sorted(p.relative_to(site).as_posix() for p in site.rglob('*.html')) if site.exists() else []
pages = sorted(_nbpath2html(p.relative_to(cfg.nbs_path)).as_posix()
               for p in nbglob(cfg.nbs_path, as_path=True))
needs_site = pytest.mark.skipif(not built, reason='the site is not built: make docs')
needs_browser = pytest.mark.skipif(not (built and chromium),
                                   reason='no Chromium here, or the site is not built')

class Page(HTMLParser):
    "The links and anchors of a page"
    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.anchors = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.anchors |= {a.get('id'), a.get('name')} - {None}
        if tag=='a' and a.get('href'):
            self.links.append(a['href'])
        elif tag in ('script', 'img', 'source') and a.get('src'):
            self.loads.append(a['src'])
        elif tag=='link' and a.get('rel')!='canonical' and a.get('href'):
            (self.loads if 'stylesheet' in a.get('rel', '') else self.links).append(a['href'])

@cache
def parsed(path): return Page(path.read_text(encoding='utf-8'))

@needs_site
def test_every_notebook_has_a_page():
    assert set(pages) <= set(built)
    assert set(built)-set(pages) <= {'genindex.html', 'search.html',
                                     'py-modindex.html'}, 'a page without a notebook'

@needs_site
@pytest.mark.parametrize('name', built)
def test_links(name):
    "Every local link, picture and script leads somewhere, anchors included; nothing is loaded from elsewhere"
    here, p = site/name, parsed(site/name)
    for u in p.links+p.loads:
        u = urlsplit(u)
        if u.scheme=='data' or u.scheme=='mailto':
            continue
        if u.scheme or u.netloc:
            assert not vendored or u.geturl() not in p.loads, f'loaded from elsewhere: {u.geturl()}'
            continue
        target = (here.parent/unquote(u.path)).resolve() if u.path else here
        assert target.is_file(), f'{u.geturl()}: no such file'
        if u.fragment and target.suffix=='.html':
            assert unquote(u.fragment) in parsed(target).anchors, f'{u.geturl()}: no such place'

@needs_site
@pytest.mark.parametrize('name', pages)
def test_sidebar(name):
    "Each page is reached from every page"
    here = site/name
    to = {(here.parent/unquote(urlsplit(u).path)).resolve() for u in parsed(here).links
          if not urlsplit(u).netloc and urlsplit(u).path} | {here.resolve()}
    assert {(site/p).resolve() for p in pages} <= to

# How a notebook becomes a page

sys.path.insert(0, str(root/'docs'))
import pages as processing  # noqa: E402

def test_arguments():
    "A signature in short, and its arguments with types, defaults and what is said of them"
    code = ("def f(\n    x:pathlib.Path, # A file\n    *args, k, n:int=3, # How many\n    # there are\n"
            "    **kw, # `a` \\# b\n)->dict: # By name")
    assert processing.arguments(code) == ('(x, *args, k, n=3, **kw) -> dict',
        [('x', 'Path', '', 'A file'), ('*args', '', '', ''), ('k', '', '', ''),
         ('n', 'int', '3', 'How many there are'), ('**kw', '', '', '`a` \\# b'),
         ('returns', 'dict', '', 'By name')])
    assert processing.arguments('def f(a, *, b=None):') == ('(a, *, b=None)',
                                                            [('a', '', '', ''), ('b', '', 'None', '')])
    assert processing.arguments('def f():')[0] == '()'

def test_prose():
    "Links to notebooks and callouts, from Quarto's markdown to MyST's"
    def prose(s): return processing.prose(s, 'tutorials/a', cfg,
                                          {'losses.html#tripletloss': 'm.losses.TripletLoss'})
    assert prose('[x](../08_losses.ipynb), [y](02_B.ipynb#z)')=='[x](../losses.ipynb), [y](b.ipynb#z)'
    assert prose('[`t`](../08_losses.ipynb#TripletLoss)')=='{py:obj}`t <m.losses.TripletLoss>`'
    assert prose('::: {.callout-tip title="So"}\nx\n:::')==':::{admonition} So\n:class: tip\nx\n:::'

def test_two_pictures():
    "A picture with a narrow one for phones: the site has both, and the style sheet shows one"
    md = ('<picture>\n<source media="(max-width: 600px)" srcset="images/n.jpg">\n'
          '<img src="images/w.jpg" alt="A dress">\n</picture>')
    assert processing.prose(md, 'index', cfg, {}) == (
        '```{image} images/w.jpg\n:alt: A dress\n:class: wide\n```\n\n'
        '```{image} images/n.jpg\n:alt: A dress\n:class: narrow\n```')

def test_written():
    "A definition as its source has it: comments of `**`, defaults as they were typed, fields of a dataclass"
    code = ("@patch\ndef f(self:A,\n    x:np.ndarray|None=None, # A\n    r=3/4, # B\n    **kw # C\n"
            ")->int: # D\n    'd'")
    assert processing.written(code) == ('(x=None, r=3/4, **kw) -> int',
        [('x', 'np.ndarray | None', 'None', 'A'), ('r', '', '3/4', 'B'), ('**kw', '', '', 'C'),
         ('returns', 'int', '', 'D')])
    code = ("@dataclass\nclass A:\n    'a'\n    b:str # B\n    c:dict=field(default_factory=dict) # C\n"
            "    e:str=one_of(('x', 'y'), 'E')")
    assert processing.written(code) == ("(b, c={}, e='x')",
        [('b', 'str', '', 'B'), ('c', 'dict', '{}', 'C'), ('e', 'str', "'x'", 'E')])
    assert processing.written("def f(a): # It\n    'd'")[1][0]==('a', '', '', 'It')

def test_stars():
    "Two stars in a docstring stay"
    md = '### f\n\n```python\ndef f(\n    x, # It\n):\n```\n\n*Proportional to `x**-2`*'
    assert 'Proportional to `x**-2`\n' in processing.showdoc(md, {})

def test_alternative():
    "A picture is described by where it stands and by the sentence above it"
    assert processing.alternative('The `loss`', 'A [page](x.ipynb) before. It *falls*:')=='The loss: It falls'

def test_asked():
    "Words by which a search finds a place"
    md = processing.prose('<!-- asked: install; set up -->', 'a', cfg, {})
    assert md=='```{index} single: install\n```\n\n```{index} single: set up\n```'

def test_directives():
    "One directive a line, whether or not it has a value"
    import nbformat
    cell = nbformat.v4.new_code_cell('#| slow\n#| echo: false\nx')
    processing.tag(cell)
    assert cell.metadata.tags==['remove-input'] and cell.source=='x'

@needs_site
def test_chart_first():
    "The page of the benchmarks begins with its chart"
    text = (site/'bench/whole.html').read_text()
    assert text.index('<img alt="Measured') < text.index('<h2>')

# In a browser

@pytest.fixture(scope='module')
def address():
    "The site, served on this machine"
    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args): super().__init__(*args, directory=str(site))
        def log_message(self, *args): pass
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/'
    server.shutdown()

@pytest.fixture(scope='module')
def browser():
    from playwright.sync_api import sync_playwright
    args = ('--no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking '
            '--disable-component-update --disable-sync --no-first-run')
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path=chromium, args=args.split())
        yield b
        b.close()

DESKTOP, PHONE = 1440, 390

@contextmanager
def opened(browser, address, width):
    "A tab that collects what goes wrong, in `tab.wrong`"
    context = browser.new_context(viewport=dict(width=width, height=844), base_url=address)
    t, t_wrong = context.new_page(), []
    t.on('console', lambda m: m.type=='error' and t_wrong.append(m.text))
    t.on('pageerror', lambda e: t_wrong.append(str(e)))
    t.on('requestfailed', lambda r: t_wrong.append(f'{r.url}: {r.failure}'))
    t.on('response', lambda r: r.status >= 400 and t_wrong.append(f'{r.url}: {r.status}'))
    if not vendored:
        context.route(re.compile('^https?://(?!127)'), lambda r: r.abort())  # no CDN in a test
    t.wrong = t_wrong
    yield t
    context.close()

@pytest.fixture(params=[DESKTOP, PHONE], ids=['desktop', 'phone'])
def tab(request, browser, address):
    "A tab of each width"
    with opened(browser, address, request.param) as t:
        yield t

@pytest.fixture
def desktop(browser, address):
    "A wide tab, to be made narrow"
    with opened(browser, address, DESKTOP) as t:
        yield t

# What a reader must not meet
NOTHING_OUTSIDE = 'document.documentElement.scrollWidth <= window.innerWidth'
UNSAID = r"""[...document.images].filter(i => !i.alt.trim() || /^\S+\.(png|jpe?g|svg)$/.test(i.alt))
            .map(i => i.src)"""
TEXT_OF_FIGURE = r"""document.querySelector('article')?.innerText
            .match(/<Figure size [^>]*>|<PIL\.\S+ image [^>]*>/)"""
SIDEWAYS = """[...document.querySelectorAll('pre')]
              .filter(e => e.offsetParent && e.scrollWidth > e.clientWidth+1)
              .map(e => e.textContent.slice(0, 80))"""

@needs_browser
@pytest.mark.parametrize('name', built)
def test_page(desktop, name):
    "The page opens without an error, its widgets and formulas are drawn, and nothing sticks out at its right"
    if not vendored and ('widget-view+json' in (text := (site/name).read_text()) or 'class="math' in text):
        pytest.skip('no npm here: its scripts come from elsewhere')
    tab = desktop
    tab.goto(name, wait_until='load')
    if n := tab.locator('script[type="application/vnd.jupyter.widget-view+json"]').count():
        tab.wait_for_function('n => document.querySelectorAll(".jupyter-widgets").length >= n', arg=n)
    if tab.locator('.math').count():
        written = 'document.querySelectorAll(".math").length'
        drawn = 'document.querySelectorAll("mjx-container").length'
        tab.wait_for_function(f'{written} <= {drawn}')
    assert not tab.locator('mjx-merror').count()
    assert tab.evaluate(NOTHING_OUTSIDE)
    broken = tab.evaluate('[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)')
    assert not broken
    assert not tab.evaluate(UNSAID), 'pictures without a text for who does not see them'
    assert not tab.evaluate(TEXT_OF_FIGURE), 'a text where a picture should be'
    assert not tab.evaluate(SIDEWAYS), 'a code block that is wider than its column'
    tab.set_viewport_size(dict(width=PHONE, height=844))
    tab.wait_for_function(f'innerWidth == {PHONE}')
    assert tab.evaluate(NOTHING_OUTSIDE), 'it sticks out on a phone'
    assert not tab.evaluate(TEXT_OF_FIGURE), 'a text where a picture should be'
    assert not tab.wrong

@needs_browser
@pytest.mark.parametrize('word,page', [('DataError', 'core.html'), ('photograph', 'core.html')],
                         ids=['symbol', 'word'])
def test_search(tab, word, page):
    "A symbol and a word are found"
    tab.goto(f'search.html?q={word}')
    tab.wait_for_selector(f'ul.search a[href*="{page}"]')
    assert not tab.wrong

@needs_browser
def test_first_screen(tab):
    "The first screen of the start page: a picture, whole (on a phone a narrow one), and how to install it"
    tab.goto('index.html', wait_until='load')
    shown = tab.locator('article img:visible')
    assert shown.count()==1
    box = shown.bounding_box()
    assert box['y']+box['height'] < 844
    assert ('narrow' in shown.get_attribute('src'))==(tab.viewport_size['width']==PHONE)
    assert tab.locator('article pre', has_text='make setup').first.bounding_box()['y'] < 844

# What people come for: where it is said, and words in which they may ask for it
HOW = 'tutorials/how_do_i.html'
WISHES = {
    f'{HOW}#install-it': ['install', 'how to install', 'setup'],
    f'{HOW}#train-on-my-folder-of-photographs': ['train on my folder', 'train folder', 'own photographs'],
    f'{HOW}#train-on-my-spreadsheet': ['train on a spreadsheet', 'train on csv', 'product feed'],
    f'{HOW}#train-on-deepfashion': ['train on DeepFashion', 'deepfashion'],
    f'{HOW}#tag-photographs': ['tag photographs', 'predict', 'classify'],
    f'{HOW}#find-similar-garments': ['find similar garments', 'visual search', 'more like this'],
    f'{HOW}#find-mistakes-in-my-data': ['find mistakes', 'wrong labels'],
    f'{HOW}#clean-a-catalogue': ['clean my data', 'fill blanks'],
    f'{HOW}#know-how-good-my-model-is': ['how good is my model', 'evaluate', 'accuracy'],
    f'{HOW}#go-on-after-a-crash': ['resume', 'continue training'],
    f'{HOW}#find-the-best-settings': ['best settings', 'hyperparameters'],
    f'{HOW}#export-a-model': ['export a model', 'onnx', 'deploy'],
    'commands/every_flag.html': ['every flag', 'all flags']}

@needs_site
@pytest.mark.parametrize('wish', WISHES)
def test_two_clicks(wish):
    "From the start page a link leads to the page, and from there another to the place"
    page, _, place = wish.partition('#')
    assert page in parsed(site/'index.html').links
    assert not place or f'#{place}' in parsed(site/page).links

@needs_browser
@pytest.mark.parametrize('wish', WISHES)
def test_wish_is_found(tab, wish):
    "The first that the search finds is the place where the wish is fulfilled"
    page, _, place = wish.partition('#')
    for words in WISHES[wish]:
        tab.goto(f'search.html?q={words}')
        first = tab.wait_for_selector('ul.search li a').get_attribute('href')
        assert first.partition('#')[0]==page, words
        tab.goto(first)
        section = "document.getElementById(location.hash.slice(1))?.closest('section').id"
        assert not place or tab.evaluate(section)==place, words
    # the search still reads pages for their summaries when it is left
    assert not [wrong for wrong in tab.wrong if 'ERR_ABORTED' not in wrong]

@needs_browser
def test_copy(tab):
    "A block is copied whole, at a click"
    tab.context.grant_permissions(['clipboard-read', 'clipboard-write'])
    tab.goto(HOW)
    block = tab.locator('div.highlight', has_text='prepare-fashion folders').first
    block.hover()
    block.locator('button.copy').click()
    copied = tab.evaluate('navigator.clipboard.readText()')
    assert copied.startswith('prepare-fashion folders') and copied.endswith('--evaluate')

@needs_site
@pytest.mark.parametrize('name', pages)
def test_preview(name):
    "What a link to the page shows: a title, a sentence and a picture that is there"
    found = dict(re.findall(r'<meta (?:property|name)="([\w:]+)" content="([^"]*)"', (site/name).read_text()))
    assert found['og:title'] and found['description']==found['og:description']
    picture = site/'_images'/found['og:image'].split('/_images/')[1]
    assert found['og:image'].startswith('https://') and picture.is_file()

@needs_browser
def test_dark(tab):
    "The theme can be changed"
    tab.goto('core.html')
    def background(): return tab.evaluate('getComputedStyle(document.body).backgroundColor')
    before = background()
    toggle = tab.locator('.theme-toggle:visible').first
    seen = [toggle.click() or background() for _ in range(3)]  # to the system's, to light, to dark
    assert set(seen)-{before} and not tab.wrong

@needs_browser
def test_phone_menu(tab):
    "On a phone the sidebar opens from a button, and leads to another page"
    tab.goto('index.html')
    if tab.viewport_size['width'] < 500:
        tab.locator('label[for="__navigation"]:visible').first.click()
    tab.locator('.sidebar-tree a:visible', has_text='Core').first.click()
    tab.wait_for_url('**/core.html')
    assert not tab.wrong
