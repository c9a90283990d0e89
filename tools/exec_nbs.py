"""Run notebooks in a real kernel and save their outputs and widget state, honouring nbdev's directives.

The same notebook and library give the same file: widget ids are numbered, `IN_TEST` turns progress bars off
(and `nbdev_export()` in the last cell, as `nbdev_test` does), and `nbdev_clean` strips the rest. A notebook
that fails is left as it was."""
import json, os, re, tempfile, time
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import nbformat
from fastcore.script import call_parse
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbdev.clean import nbdev_clean
from nbdev.config import get_config
from nbdev.doclinks import nbglob
from nbdev.process import extract_directives
from PIL import Image
from traitlets.config import Config

# nbclient leaves cells with the tag as they are
TAG,STATE = 'skip-execution','application/vnd.jupyter.widget-state+json'
_ansi = re.compile(r'\x1b\[[0-9;]*m')

def skipped(cell, flags):
    "Is the code cell `cell` left alone, for `eval: false`, `nbdev_export()` or one of `flags`?"
    d = extract_directives(cell, remove=False)
    never = d.get('eval:', [''])[0].lower()=='false'
    return never or bool(flags & d.keys()) or 'nbdev_export'+'(' in cell.source

def leads(state, path):
    "Is there something in `state` at the end of `path`?"
    for k in path:
        try:
            state = state[k]
        except (KeyError, IndexError, TypeError):
            return False
    return True

def stable_widgets(nb):
    "Keep the widget models that outputs show, numbered in the order they are met: no run renames them"
    state = nb.metadata.get('widgets', {}).get(STATE, {}).get('state')
    if not state:
        return nb
    todo = re.findall(r'"model_id": "(\w+)"', json.dumps([c.get('outputs', []) for c in nb.cells]))
    order = {}
    while todo:
        k = todo.pop(0)
        if k in order or k not in state:
            continue
        order[k] = f'{len(order):032x}'
        todo += re.findall(r'IPY_MODEL_(\w+)', json.dumps(state[k], sort_keys=True))
    # bytes of what is gone, such as a file that was uploaded and taken, would keep the page from being drawn
    for v in state.values():
        if 'buffers' in v:
            v['buffers'] = [b for b in v['buffers'] if leads(v['state'], b['path'][:-1])]
    nb.metadata.widgets[STATE]['state'] = {k: state[k] for k in order}
    return nbformat.reads(re.sub('|'.join(order), lambda m: order[m[0]], nbformat.writes(nb)),
                          4) if order else nb

def nameless(nb):
    "Text that `nb` shows, without the names that temporary folders have on this machine"
    folder = re.compile(re.escape(tempfile.gettempdir())+r'/tmp\w+(/?)')
    for o in (o for c in nb.cells for o in c.get('outputs', [])):
        d = o.data if 'data' in o else o
        for k in d.keys() & {'text', 'text/plain', 'text/html'}:
            d[k] = folder.sub(lambda m: '' if m[1] else 'tmp', d[k])
    return nb

def light_pictures(nb):
    "Pictures that `nb` shows in 256 colours each: a third of the bytes, and no difference that one sees"
    for o in (o for c in nb.cells for o in c.get('outputs', []) if 'image/png' in o.get('data', {})):
        im,f = Image.open(BytesIO(b64decode(o.data['image/png']))),BytesIO()
        if im.mode=='P':
            continue
        im.convert('RGB').quantize(256).save(f, 'PNG', optimize=True)
        o.data['image/png'] = b64encode(f.getvalue()).decode()
    return nb

def run(nb, folder, flags, timeout):
    "Execute `nb` in `folder`; cells to skip keep the outputs they had"
    code = [c for c in nb.cells if c.cell_type=='code']
    for c in code:
        if skipped(c, flags):
            c.metadata.tags = [*c.metadata.get('tags', []), TAG]
    nb.metadata.pop('widgets', None)
    NotebookClient(nb, timeout=timeout, kernel_name='python3', skip_cells_with_tag=TAG,
                   resources={'metadata': {'path': folder}},
                   config=Config(KernelManager=dict(transport_encryption='auto'))).execute()
    for c in code:
        tags = [o for o in c.metadata.get('tags', []) if o != TAG]
        if tags:
            c.metadata.tags = tags
        else:
            c.metadata.pop('tags', None)

def complaint(nb, e, n=6):
    "What went wrong in `nb`, in the last `n` lines of its traceback"
    errs = [(c, o) for c in nb.cells if c.cell_type=='code' for o in c.get('outputs', [])
            if o.output_type=='error']
    if not errs:
        return str(e).strip()
    c,o = errs[-1]
    tb = _ansi.sub('', '\n'.join(o.traceback)).strip().splitlines()
    return f'in the cell that starts with {c.source.strip().splitlines()[0]!r}\n  ' + '\n  '.join(tb[-n:])

def exec_nb(p, flags, timeout):
    "Execute the notebook `p` in place; whether it went well"
    t,nb = time.time(),nbformat.read(p, 4)
    try:
        run(nb, p.parent, flags, timeout)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as e:
        print(f'{p}: FAILED after {time.time()-t:.0f} s {complaint(nb, e)}', flush=True)
        return False
    tmp = p.with_name(f'.{p.name}.tmp')
    nbformat.write(stable_widgets(light_pictures(nameless(nb))), tmp)
    os.replace(tmp, p)
    nbdev_clean(str(p))
    print(f'{p}: {time.time()-t:.0f} s', flush=True)
    return True

@call_parse
def main(
    paths:str=None,    # Space-separated notebooks; all of `nbs_path` otherwise
    flags:str='',      # Run cells with these `tst_flags` as well, e.g. "slow"
    timeout:int=1200,  # Seconds a cell may take
    n_workers:int=2    # Notebooks run at a time
):
    "Execute notebooks in place and save what they show"
    os.environ['IN_TEST'] = '1'
    cfg = get_config()
    skip = set(cfg.tst_flags.split()) - set(flags.split())
    files = [Path(o) for o in paths.split()] if paths else [p.relative_to(Path.cwd())
                                                            if p.is_relative_to(Path.cwd()) else p
                                                            for p in sorted(nbglob(as_path=True))]
    if min(n_workers, len(files)) > 1:
        os.environ.setdefault('OMP_NUM_THREADS', '1')   # a core each; one alone has them all
    with ThreadPoolExecutor(n_workers) as ex:
        well = list(ex.map(lambda p: exec_nb(p, skip, timeout), files))
    if bad := [p.name for p,ok in zip(files, well) if not ok]:
        raise SystemExit(f"{len(bad)} of {len(files)} failed: {', '.join(bad)}")
