"""`nbdev_test`, but each notebook in a process and a temporary folder of its own: what it leaves goes too.

From the root: python tools/test_pages.py --do_print --timing (the flags of nbdev_test).

The processes are forked from one that has already imported what many pages import. What starts threads of its
own, lancedb and onnxruntime, is left to the pages; lance_namespace is most of what `import lancedb` takes.
Figures are drawn at their own size, not at twice that as for a screen: nobody looks at them here."""
import gc, multiprocessing, os, sys, tempfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
import nbdev.test
import accelerate, cv2, hypothesis, ipywidgets, lance_namespace, onnx, onnxscript, pandas  # noqa: F401
import pyarrow.dataset, pyarrow.parquet, pytorch_metric_learning.losses, scipy.stats  # noqa: F401
import sklearn.linear_model, sklearn.manifold, torch, torchvision  # noqa: F401
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from nbdev.test import nbdev_test, test_nb

def _run(fn, folder, kwargs):
    os.environ['TMPDIR'] = tempfile.tempdir = folder
    return test_nb(fn, **kwargs)

def test_page(fn, **kwargs):
    "(passed, seconds) of `test_nb`; nothing of the page stays, neither files nor memory"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with ProcessPoolExecutor(1, multiprocessing.get_context('fork')) as process:
            try:
                return process.submit(_run, fn, folder, kwargs).result()
            except BrokenProcessPool:
                print(f'{fn}: its process was killed, perhaps for want of memory', file=sys.stderr)
                return False, 0

def find_fonts():
    "Draw some text: matplotlib reads its list of fonts once, here"
    figure = Figure()
    figure.text(.5, .5, 'fonts')
    FigureCanvasAgg(figure).draw()

if __name__ == '__main__':
    nbdev.test.test_nb = test_page
    nbdev.test.CaptureShell = partial(nbdev.test.CaptureShell, mpl_format='png')
    find_fonts()
    gc.freeze()     # else the first collection of every page would copy all that is here
    try:
        nbdev_test()
    finally:
        gc.unfreeze()
