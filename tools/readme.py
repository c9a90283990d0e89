"""Write README.md from the index notebook, without Quarto: its text, and its code cells with what they print.

Pictures are files beside the notebook (`nbs/images`) that its text shows. Links to other notebooks lead
to them in the repository, so that they work wherever it lies."""
import re

from fastcore.script import call_parse
from nbdev.config import get_config
from nbdev.frontmatter import FrontmatterProc
from nbdev.process import NBProcessor
from nbdev.processors import add_links, clean_magics, hide_, hide_line, rm_export

PROCS = [FrontmatterProc, hide_line, rm_export, clean_magics, hide_, add_links]
_callout = re.compile(r'^:::\s*\{\.callout-(\w+)([^}\n]*)\}\s*\n(.*?)^:::\s*$', re.MULTILINE|re.DOTALL)
_notebook = re.compile(r'\]\((?:\./)?([\w/-]+\.ipynb)(#[^)]*)?\)')
_picture = re.compile(r'(!\[[^\]]*\]\(|<(?:img|source) [^>]*?src(?:set)?=")(?!https?:|/)(?:\./)?([^)\s"]+)')
_warning = dict(note='NOTE', tip='TIP', important='IMPORTANT', warning='WARNING', caution='CAUTION')

def alert(m):
    "A Quarto callout as GitHub writes it"
    title = re.search(r'title="([^"]*)"', m[2])
    lines = ([f'**{title[1]}**', ''] if title else []) + m[3].strip().splitlines()
    return f'> [!{_warning[m[1]]}]\n' + '\n'.join(f'> {o}'.rstrip() for o in lines)

def text(s, cfg):
    "The notebook's markdown `s` for GitHub"
    s = _notebook.sub(lambda m: f"]({cfg.nbs_path.name}/{m[1]}{m[2] or ''})", _callout.sub(alert, s))
    return _picture.sub(lambda m: f'{m[1]}{cfg.nbs_path.name}/{m[2]}', s)

def printed(out):
    "What the output `out` of a cell says in words"
    d = out.get('data', {})
    if 'text/markdown' in d:
        return ''.join(d['text/markdown']).strip()
    if any(k.startswith(('image/', 'application/')) for k in d):
        return ''
    t = ''.join(out.get('text', d.get('text/plain', []))).rstrip()
    return f'```\n{t}\n```' if t else ''

def markdown(c, cfg):
    "The cell `c` as markdown"
    if c.cell_type=='raw':
        return ''
    if c.cell_type=='markdown':
        return text(c.source, cfg).strip()
    src = re.sub(r'^#\|.*\n?', '', c.source, flags=re.MULTILINE).strip()
    return '\n\n'.join(filter(None, [f'```python\n{src}\n```', *map(printed, c.get('outputs', []))]))

def readme(cfg):
    "All of README.md"
    nb = NBProcessor(cfg.nbs_path/cfg.readme_nb, procs=PROCS, process=True).nb
    head = ['<!-- Made from nbs/index.ipynb by tools/readme.py: edit the notebook -->',
            f"# {nb.frontmatter_['title']}", f"> {nb.frontmatter_['description']}"]
    return '\n\n'.join([*head, *filter(None, (markdown(c, cfg) for c in nb.cells))]) + '\n'

@call_parse
def main(
    check:bool=False # Only say, by the exit status, whether README.md is up to date?
):
    "Write README.md from the index notebook"
    cfg = get_config()
    txt, path = readme(cfg), cfg.config_path/'README.md'
    if not check:
        path.write_text(txt, encoding='utf-8')
    elif not path.exists() or path.read_text(encoding='utf-8')!=txt:
        raise SystemExit('README.md is not what nbs/index.ipynb makes')
