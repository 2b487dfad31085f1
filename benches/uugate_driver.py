"""The driver by which the UUCP line benchmarks run uugate beside Taylor UUCP: class Uugate.

A site is a folder of its own with one configuration file and no daemon: every command opens the spool itself, as
Taylor's programs do, so that both are measured alike.  UUGATE names the program (default: the release build of this tree).
"""
import json, os, pwd, shutil, subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get('UUGATE', os.path.join(HERE, '..', 'target', 'release', 'uugate'))


class Uugate:
    name = 'uugate'
    user = 'uucp'
    # Parameters of each protocol variant: (protocol letter, window, packet size); None: the default, and the other
    # side's wishes. So a plain g sends Taylor packets of 64 bytes, and is sent what uugate announces.
    variants = dict(
        i=('i', None, None), i4095=('i', 16, 4095), i256=('i', 16, 256),
        g=('g', None, None), g1024=('g', 7, 1024), g2048=('g', 7, 2048), g4096=('g', 7, 4096), g4096w3=('g', 3, 4096))

    def __init__(self, root, site, peer):
        self.site, self.peer, self.dir = site, peer, os.path.join(root, site)
        self.spool, self.pub = self.path('spool'), self.path('public')

    def path(self, *p):
        return os.path.join(self.dir, *p)

    def setup(self, variant='i', port='stdin'):
        """Fresh site.  port: 'stdin', 'tcp:PORT' or 'pty:PATH' (for the caller)."""
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.pub)
        # Where the site's user can run it. Copied by a child: a descriptor of ours, open for writing, might be inherited by a
        # program that another thread starts just then, and nothing can be run while it is open anywhere.
        subprocess.run(['cp', PROGRAM, self.path('uugate')], check=True)
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
    def run(self, program, *words):
        """What a command of the site prints, run as the owner of the spool: nobody else may without a daemon."""
        pw = pwd.getpwnam(self.user)
        return subprocess.run(self.command(program, *words), user=pw.pw_uid, group=pw.pw_gid, extra_groups=[], cwd='/',
                              check=True, capture_output=True, text=True).stdout

    def received_files(self):
        """Files are put in their place when what arrived is executed."""
        self.run('uuxqt')
        return {n: os.path.join(self.pub, n) for n in os.listdir(self.pub)}

    def received_mail(self):
        """Paths of message bodies that arrived and wait for execution: uucico was told not to execute."""
        out = self.path('dump')
        shutil.rmtree(out, ignore_errors=True)
        subprocess.run([self.path('uugate'), 'spool', 'dump', '-I', self.path('uugate.toml'), out], check=True,
                       stdout=subprocess.DEVNULL)
        folder = os.path.join(out, 'executions')
        waiting = [n[:-4] for n in os.listdir(folder) if n.endswith('.txt')
                   and '\nstate: queued\n' in open(os.path.join(folder, n)).read()]
        return [os.path.join(folder, n + '.body') for n in waiting]

    def executions_waiting(self):
        return len(self.received_mail())

    def jobs_waiting(self):
        return len(json.loads(self.run('uustat', '-a', '--json'))['jobs']['jobs'])

    def log(self):
        """The record of each call, in words that the benchmark looks for."""
        lines = []
        for call in json.loads(self.run('uustat', '-m', '--json'))['calls']['calls']:
            record = call['record']
            lines.append(f"{self.site}: {record['packets_resent']} packets resent")
            if record['failure']:
                lines.append(f"{self.site}: ERROR: {record['failure']}")
        return '\n'.join(lines)
