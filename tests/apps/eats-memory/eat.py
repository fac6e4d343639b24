"""Takes memory until it is stopped: 64 MB a step, written to, so that it is really there."""
import sys

kept = []
for step in range(1, 257):
    kept.append(bytearray(b"x") * (64 << 20))
    print(f"{step * 64} MB", flush=True)
sys.exit("had 16 GB and was not stopped")
