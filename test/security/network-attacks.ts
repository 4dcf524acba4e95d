/** What an agent would try against the network, as one Python program: each attempt says what became of it. */
export const attacks = String.raw`
import ctypes, json, os, socket, struct, subprocess, sys
found = {}

def attempt(name, what):
  try:
    found[name] = str(what())
  except OSError as error:
    found[name] = "refused " + (os.strerror(error.errno) if isinstance(error.errno, int) and error.errno > 0 else str(error))
  except Exception as error:
    found[name] = "refused " + repr(error)

def tcp(host, port, family=0):
  for info in socket.getaddrinfo(host, port, family, socket.SOCK_STREAM):
    s = socket.socket(info[0], info[1])
    s.settimeout(3)
    s.connect(info[4])
    s.sendall(b"GET / HTTP/1.0\r\n\r\n")
    answer = s.recv(200)
    return "403" if b" 403 " in answer else "closed" if answer == b"" else "CONNECTED"

for host in sys.argv[1].split(","):
  attempt("tcp " + host, lambda: tcp(host, 80))
attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("1.1.1.1", 53)))
attempt("udp6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("2606:4700:4700::1111", 53)))
attempt("multicast", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("224.0.0.251", 5353)))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
attempt("netlink route", lambda: subprocess.run(["ip", "route", "add", "default", "via", "127.0.0.1"], capture_output=True, check=True))
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\0" + sys.argv[2]))

def ask(name, kind, stream=False):
  labels = b"".join(bytes([len(l)]) + l for l in name) + b"\0"
  query = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + labels + struct.pack(">2H", kind, 1)
  if stream:
    s = socket.create_connection(("127.0.0.1", 53), 3)
    s.sendall(struct.pack(">H", len(query)) + query)
    answer = s.recv(2000)[2:]
  else:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    s.sendto(query, ("127.0.0.1", 53))
    answer = s.recv(2000)
  code, count = answer[3] & 15, struct.unpack(">H", answer[6:8])[0]
  return "code %d answers %d %s" % (code, count, ".".join(map(str, answer[-4:])) if count else "")

good = [b"secret", b"example", b"com"]
for kind, number in {"A": 1, "AAAA": 28, "TXT": 16, "SRV": 33, "MX": 15, "ANY": 255, "NULL": 10, "HTTPS": 65, "PTR": 12, "AXFR": 252}.items():
  attempt("dns " + kind, lambda: ask(good, number))
attempt("dns over tcp", lambda: ask(good, 1, True))
attempt("dns NUL", lambda: ask([b"a\0b", b"com"], 1))
attempt("dns dot", lambda: ask([b"a.b", b"com"], 1))
attempt("dns space", lambda: ask([b"a b", b"com"], 1))
attempt("dns 255 bytes", lambda: ask([b"a" * 63] * 3 + [b"a" * 61], 1))
attempt("dns 254 bytes", lambda: ask([b"a" * 63] * 3 + [b"a" * 62], 1))
attempt("dns compressed", lambda: ask([b"\xc0\x0c"], 1))

hatch = int(subprocess.run(["pgrep", "-x", "hatch"], capture_output=True, text=True).stdout.split()[0])
attempt("kill", lambda: os.kill(hatch, 9))
attempt("stop", lambda: os.kill(hatch, 19))
libc = ctypes.CDLL(None, use_errno=True)
def ptrace():
  if libc.ptrace(16, hatch, 0, 0) != 0:
    raise OSError(ctypes.get_errno(), "")
  return "ATTACHED"
attempt("ptrace", ptrace)
for name in ("mem", "environ", "maps", "exe"):
  attempt("read " + name, lambda: os.readlink(f"/proc/{hatch}/exe") if name == "exe" else open(f"/proc/{hatch}/{name}", "rb").read(1))
attempt("steal input", lambda: open(f"/proc/{hatch}/fd/0", "rb"))
attempt("forge denied", lambda: open("/airlock/denied", "a").write("x"))
attempt("replace denied", lambda: os.rename("/run/airlock/denied", "/run/airlock/x"))
attempt("resolv.conf", lambda: open("/etc/resolv.conf", "a").write("x"))
attempt("port 53", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("127.0.0.1", 53)))
attempt("port 443", lambda: socket.socket().bind(("0.0.0.0", 443)))

def proxy(request):
  s = socket.create_connection(("127.0.0.1", 3128), 3)
  s.settimeout(5)
  s.sendall(request)
  answer = s.recv(500)
  return answer.split(b"\r\n")[0].decode("latin1") if answer[:1] != b"\x05" else "socks " + answer.hex()

for target in sys.argv[3].split(","):
  attempt("connect " + target, lambda: proxy(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode("utf8")))
for address in ("7f000001", "a9fea9fe"):
  attempt("socks " + address, lambda: proxy(bytes([5, 1, 0, 5, 1, 0, 1]) + bytes.fromhex(address) + b"\0\x50"))
attempt("second hatch", lambda: subprocess.run(["/airlock/hatch"], input=bytes.fromhex("0100000400000000010101bb"), capture_output=True, timeout=3).stdout[8:].hex())
print(json.dumps(found))
`;
