"Run the words behind this script, and print the seconds and the kilobytes of the largest of its processes"
import os, subprocess, sys, time

start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
status, used = os.wait4(process.pid, 0)[1:]
unit = 1024 if sys.platform=='darwin' else 1    # there it is counted in bytes
print(time.perf_counter()-start, used.ru_maxrss//unit)
sys.exit(os.waitstatus_to_exitcode(status))
