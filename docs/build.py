"""Build the web site without Quarto: `pages.py` turns each notebook into one for Sphinx, in `_build/src`;
Sphinx renders those, with the outputs saved in the notebooks, to `doc_path`."""
import multiprocessing, os, shutil, subprocess, sys, tarfile, tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from fastcore.script import call_parse
from nbdev.config import get_config
from nbdev.doclinks import nbglob
from pages import docname, page

here = Path(__file__).parent.resolve()
VENDOR = {'@jupyter-widgets/html-manager@1.0.15': ['dist/embed.js'],
          'mathjax@3.2.2': ['es5/tex-mml-chtml.js', 'es5/output/chtml/fonts/woff-v2/*.woff']}

# The wings of the library: from which page number on, and what the sidebar calls them
WINGS = {'00': 'Foundations', '02': 'Data: the table', '08': 'Garments', '20': 'Data: sources and checks',
         '36': 'Pixels', '45': 'Learning', '62': 'Using', '71': 'Looking',
         '85': 'Serving', '86': 'Commands', '90': 'Benchmarks', '95': 'Commands', '97': 'The whole'}

# Folders that stand beside the library, and what the sidebar calls them
ASIDE = dict(tutorials='Tutorials', studies='Studies')

def wing_of(notebook):
    "What the sidebar calls the group of the notebook"
    if notebook.parent.name in ASIDE:
        return ASIDE[notebook.parent.name]
    number = notebook.name[:2]
    return WINGS[max(start for start in WINGS if start <= number)]

def add_toc(index, nbs):
    "Put the pages of `nbs` (name -> notebook) into the sidebar, in the order in which they are read"
    nb = nbformat.read(index, 4)
    groups = dict.fromkeys([*ASIDE.values(), *WINGS.values()], ())
    for name,notebook in sorted(nbs.items(), key=lambda item: item[1].name):
        if name!='index':
            groups[wing_of(notebook)] += (name,)
    for i,(caption,names) in enumerate(groups.items()):
        if names:
            lines = ['```{toctree}', ':hidden:', f':caption: {caption}', '', *names, '```']
            nb.cells.append(nbformat.v4.new_markdown_cell('\n'.join(lines), id=f'toc{i}'))
    nbformat.write(nb, index)

def vendor(dest):
    "Fetch the scripts for widgets and formulas from the npm registry, so that the site serves them itself"
    if dest.exists():
        return
    with tempfile.TemporaryDirectory() as tmp:
        for pkg,globs in VENDOR.items():
            tgz = subprocess.run(['npm', 'pack', '--silent', pkg], cwd=tmp, check=True, capture_output=True,
                                 text=True).stdout.split()[-1]
            with tarfile.open(Path(tmp)/tgz) as t:
                t.extractall(tmp, filter='data')
            for f in (o for g in globs for o in (Path(tmp)/'package').glob(g)):
                d = Path(tmp)/'vendor'/f.relative_to(Path(tmp)/'package')
                d.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(f, d)
            shutil.rmtree(Path(tmp)/'package')
        dest.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(Path(tmp)/'vendor', dest)

def sources(cfg, src, force, n_workers):
    "Bring `src` up to date with the notebooks; a complaint for each that cannot be a page"
    src.mkdir(parents=True, exist_ok=True)
    nbs = {docname(p.relative_to(cfg.nbs_path).as_posix()): p
           for p in sorted(nbglob(cfg.nbs_path, as_path=True))}
    files = [p for p in cfg.nbs_path.rglob('*') if p.suffix in {'.png', '.jpg', '.svg', '.gif'}
             and not any(o[0] in '._' for o in p.relative_to(cfg.nbs_path).parts)]
    want = {src/f'{n}.ipynb' for n in nbs} | {src/p.relative_to(cfg.nbs_path) for p in files}
    if gone := [o for o in src.rglob('*') if o.is_file() and o not in want]:
        for p in gone:
            p.unlink()
        shutil.rmtree(src.parent/'html', ignore_errors=True)
    for p in files:
        (src/p.relative_to(cfg.nbs_path)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(p, src/p.relative_to(cfg.nbs_path))
    since = max(p.stat().st_mtime for p in (here/'pages.py', cfg.config_file, cfg.lib_path/'_modidx.py'))
    def fresh(d, p): return d.exists() and d.stat().st_mtime > max(since, p.stat().st_mtime)
    todo = [(p, n, src/f'{n}.ipynb') for n,p in nbs.items() if force or n=='index'
            or not fresh(src/f'{n}.ipynb', p)]
    with ProcessPoolExecutor(n_workers, mp_context=multiprocessing.get_context('spawn')) as ex:
        wrong = [o for o in ex.map(page, *zip(*todo)) if o]
    add_toc(src/'index.ipynb', {name: path for name,path in nbs.items() if (src/f'{name}.ipynb').exists()})
    return wrong

@call_parse
def main(
    out:str=None,      # Where the site goes (default: `doc_path`)
    force:bool=False,  # Make every page anew?
    lax:bool=False,    # Let Sphinx's warnings pass?
    n_workers:int=2    # Processes
):
    "Build the site"
    cfg = get_config()
    os.chdir(cfg.config_path)
    build = cfg.config_path/'_build'
    src, html = build/'src', build/'html'
    if force:
        shutil.rmtree(build, ignore_errors=True)
    if wrong := sources(cfg, src, force, n_workers):
        print('\n'.join(wrong), file=sys.stderr)
        if not lax:
            sys.exit(1)
    try:
        vendor(here/'_vendor'/'vendor')
    except (OSError, subprocess.CalledProcessError):
        print('no npm, or no registry: widgets and formulas will be loaded from a CDN')
    cmd = [sys.executable, '-m', 'sphinx', '-b', 'html', '-c', str(here), '-j', str(n_workers), '-q',
           '--keep-going',
           *(['-W'] if not lax else []), *(['-E'] if force else []),
           *([] if sys.stderr.isatty() else ['--no-color']), str(src), str(html)]
    if rc := subprocess.run(cmd).returncode:
        sys.exit(rc)
    out = Path(out or cfg.doc_path)
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(html, out, ignore=shutil.ignore_patterns('.buildinfo', '.doctrees'))
    print(f'the site is in {out.name}: {len(list(out.rglob("*.html")))} pages')
