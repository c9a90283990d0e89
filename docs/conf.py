"Sphinx settings; the project's own come from settings.ini. `docs/build.py` runs Sphinx with them."
from html import escape
from pathlib import Path

from nbdev.config import get_config

here = Path(__file__).parent
cfg = get_config(path=here.parent)
project, author, release, copyright = cfg.title, cfg.author, cfg.version, cfg.copyright
root_doc = 'index'
extensions = ['myst_nb', 'sphinx.ext.mathjax']

nb_execution_mode = 'off'         # the outputs saved in the notebooks are shown
nb_merge_streams = True
nb_render_markdown_format = 'gfm'  # with tables
smartquotes_action = 'qe'          # flags keep their dashes
nb_code_prompt_show, nb_code_prompt_hide = 'Code', 'Hide the code'
# a PIL image is saved as JPEG and PNG, a figure as one of them: the sharper one is shown if there are two
nb_mime_priority_overrides = [('html', 'image/jpeg', 41)]
myst_enable_extensions = ['dollarmath', 'amsmath', 'colon_fence', 'attrs_inline', 'attrs_block', 'deflist']
myst_heading_anchors = 4
suppress_warnings = ['myst.header']  # nbdev's show_doc headings are H3 wherever they stand

add_module_names = toc_object_entries = False

html_theme = 'furo'
html_title = cfg.title
html_show_sourcelink = html_copy_source = False
html_theme_options = dict(source_repository=cfg.git_url+'/', source_branch=cfg.branch,
                          source_directory='nbs/', navigation_with_keys=True,
                          top_of_page_buttons=[], footer_icons=[],
                          light_css_variables={'color-brand-primary': '#b3323f',
                                               'color-brand-content': '#a32c39',
                                               'color-brand-visited': '#a32c39'},
                          dark_css_variables={'color-brand-primary': '#ff8f96',
                                              'color-brand-content': '#ff9aa1',
                                              'color-brand-visited': '#ff9aa1'})
html_static_path = ['_static']
html_css_files = ['custom.css']
html_js_files = ['widgets.js', 'page.js', 'search.js']
html_favicon = '_static/favicon.svg'
if (here/'_vendor').exists():     # served by the site itself; from CDNs without it
    html_static_path += ['_vendor']
    nb_ipywidgets_js = {'vendor/dist/embed.js': {}}
    mathjax_path = 'vendor/es5/tex-mml-chtml.js'

PREVIEW = 'first_look.jpg'  # Of a page that has no picture; the start page's own

def describe_page(app, pagename, templatename, context, doctree):
    "What a search engine says of the page, and what a link to it shows: its first sentence and picture"
    if doctree is None:
        return
    from docutils import nodes
    lead = next((o for o in doctree.findall(nodes.paragraph) if 'lead' in o['classes']), None)
    picture = next((o for o in doctree.findall(nodes.image) if o['uri'] in app.env.images), None)
    site = f'{cfg.doc_host}{cfg.doc_baseurl}'.rstrip('/')
    file = app.env.images[picture['uri']][1] if picture else PREVIEW
    said = lead.astext() if lead else cfg.description
    known = dict(description=said)
    known |= {'og:title': context['title'], 'og:description': said, 'og:type': 'article',
              'og:site_name': cfg.title, 'og:url': f'{site}/{pagename}.html',
              'og:image': f'{site}/_images/{file}', 'twitter:card': 'summary_large_image'}
    if picture and picture.get('alt'):
        known['og:image:alt'] = picture['alt']
    for name,value in known.items():
        kind = 'property' if name.startswith('og:') else 'name'
        context['metatags'] += f'\n<meta {kind}="{name}" content="{escape(str(value))}">'

def setup(app):
    app.connect('html-page-context', describe_page)
