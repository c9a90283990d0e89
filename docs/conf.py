"Sphinx settings; the project's own come from settings.ini. `docs/build.py` runs Sphinx with them."
from pathlib import Path

from nbdev.config import get_config

here = Path(__file__).parent
cfg = get_config(path=here.parent)
project, author, release, copyright = cfg.title, cfg.author, cfg.version, cfg.copyright
root_doc = 'index'
extensions = ['myst_nb', 'sphinx.ext.mathjax']

nb_execution_mode = 'off'         # the outputs saved in the notebooks are shown
nb_merge_streams = True
nb_code_prompt_show, nb_code_prompt_hide = 'Code', 'Hide the code'
nb_mime_priority_overrides = [('html', 'image/jpeg', None)]  # IPython 9 saves a PIL image as JPEG and PNG
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
html_js_files = ['widgets.js']
html_favicon = '_static/favicon.svg'
if (here/'_vendor').exists():     # served by the site itself; from CDNs without it
    html_static_path += ['_vendor']
    nb_ipywidgets_js = {'vendor/dist/embed.js': {}}
    mathjax_path = 'vendor/es5/tex-mml-chtml.js'
