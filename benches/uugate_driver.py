"""The driver by which the UUCP line benchmarks run uugate beside Taylor UUCP: class Uugate.

A site is a folder of its own with one configuration file and no daemon: every command opens the spool itself, as
Taylor's programs do, so that both are measured alike.  UUGATE names the program (default: the release build of this tree).
"""
import json, os, shutil, subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get('UUGATE', os.path.join(HERE, '..', 'target', 'release', 'uugate'))


class Uugate:
    name = 'uugate'
    user = 'uucp'
    # Parameters of each protocol variant: (protocol letter, window, packet size); None: the default.
    variants = dict(
        i=('i', None, None), i4095=('i', 16, 4095), i256=('i', 16, 256),
        g=('g', 7, 64), g1024=('g', 7, 1024), g2048=('g', 7, 2048), g4096=('g', 7, 4096), g4096w3=('g', 3, 4096))

    def __init__(self, root, site, peer):
        self.site, self.peer, self.dir = site, peer, os.path.join(root, site)
        self.spool, self.pub = self.path('spool'), self.path('public')

    def path(self, *p):
        return os.path.join(self.dir, *p)

    def setup(self, variant='i', port='stdin'):
        """Fresh site.  port: 'stdin', 'tcp:PORT' or 'pty:PATH' (for the caller)."""
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.pub)
        shutil.copy(PROGRAM, self.path('uugate'))        # where the site's user can run it
        self.configure(variant, port)
        subprocess.run(['chown', '-R', f'{self.user}:', self.dir], check=True)

    def configure(self, variant, port='stdin'):
        letter, window, size = self.variants[variant]
        kind, _, arg = port.partition(':')
        line = dict(stdin='type = "stdin"', tcp='type = "tcp"',
                    pty=f'type = "serial"\ndevice = "{arg}"\nspeed = "115200 bit/s"\nflow = "none"')[kind]
        address = f'address = "127.0.0.1:{arg}"\n' if kind == 'tcp' else ''
        packets = ', '.join(
            ([f'window = {window}'] if window else []) + ([f'packet-size = "{size} B"'] if size else []))
        with open(self.path('uugate.toml'), 'w') as f:
            f.write(f'[node]\nname = "{self.site}"\n\n[routes]\nsmart-host = "{self.peer}"\n\n'
                    f'[[system]]\nname = "{self.peer}"\nline = "line"\nchat = ""\n{address}'
                    f'protocols = "{letter}"\n{letter} = {{ {packets} }}\n\n'
                    f'[[line]]\nname = "line"\n{line}\n')

    def command(self, program, *words):
        return [self.path('uugate'), program, '-I', self.path('uugate.toml'), *words]

    # Commands: lists of words, to be run as self.user.
    def queue_file_command(self, path, name):
        return self.command('uucp', '-r', path, f'{self.peer}!~/{name}')

    def queue_rmail_command(self, user):   # the message is its standard input
        return self.command('uux', '-r', '-', f'{self.peer}!rmail', user)

    def caller_command(self):
        return self.command('uucico', '-r1', '-s', self.peer, '-f', '-D', '-q')

    def answerer_command(self):
        return self.command('uucico', '-r0', '-D', '-q')

    def execute_command(self):
        return self.command('uuxqt')

    def status_command(self):
        return self.command('uustat', '-a')

    # What happened.
    def received_files(self):
        subprocess.run(['setpriv', '--reuid', self.user, '--regid', self.user, '--clear-groups',
                        *self.execute_command()], check=True, cwd='/')
        return {n: os.path.join(self.pub, n) for n in os.listdir(self.pub)}

    def dump(self):
        """The spool as plain files; the folder they are in."""
        out = self.path('dump')
        shutil.rmtree(out, ignore_errors=True)
        subprocess.run(self.command('spool', 'dump', out), check=True, stdout=subprocess.DEVNULL)
        return out

    def received_mail(self):
        """Paths of message bodies that arrived and wait for execution."""
        folder = os.path.join(self.dump(), 'executions')
        return [os.path.join(folder, n) for n in os.listdir(folder) if n.endswith('.body')] \
            if os.path.isdir(folder) else []

    def executions_waiting(self):
        return len(self.received_mail())

    def jobs_waiting(self):
        rows = subprocess.run(self.command('uustat', '-a', '--json'), check=True, capture_output=True, text=True)
        return len(json.loads(rows.stdout)['jobs'])

    def log(self):
        return ''
