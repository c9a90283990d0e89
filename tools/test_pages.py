"""`nbdev_test`, but each notebook in a process and a temporary folder of its own: what it leaves goes too.

From the root: python tools/test_pages.py --do_print --timing (the flags of nbdev_test)."""
import multiprocessing, os, sys, tempfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
import nbdev.test
import torch, torchvision  # noqa: F401 (once, here: every page that imports them finds them)
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

if __name__ == '__main__':
    nbdev.test.test_nb = test_page
    nbdev_test()
