#!/usr/bin/env python3
"""The mailer of a Taylor site in the tests: rmail (or rsmtp) that keeps what it is given.

    taylor_rmail.py INBOX CONFIG NODE PROGRAM ARGUMENT...

A recipient `host!rest` is passed on to host by uux, with this node put in front of the return path, as an MTA of the
time did.  Everything else is kept: N.msg has the input, N.to the recipients.
"""
import os, subprocess, sys, time

inbox, config, node, program, *recipients = sys.argv[1:]
data = sys.stdin.buffer.read()
keep = [r for r in recipients if '!' not in r]
if program == 'rsmtp' or keep:
    stem = os.path.join(inbox, f'{time.time_ns():020}-{os.getpid()}')
    with open(stem + '.to', 'w') as f:
        f.write(' '.join(keep))
    with open(stem + '.part', 'wb') as f:
        f.write(data)
    os.rename(stem + '.part', stem + '.msg')

path, rest = '', data
while rest.startswith((b'From ', b'>From ')):           # From user date remote from host
    line, _, rest = rest.partition(b'\n')
    words = line.decode('latin-1').split()
    host = words[-1] if words[-3:-1] == ['remote', 'from'] else None
    path = f'{path}{host}!' if host else path
    user = words[1]
for recipient in recipients:
    if '!' in recipient:
        host, _, further = recipient.partition('!')
        sender = user if user == 'MAILER-DAEMON' else f'{path}{user}'
        head = f'From {sender} {time.ctime()} remote from {node}\n'.encode('latin-1')
        subprocess.run(['/usr/bin/uux', '-I', config, '-r', '-gC', '-a', sender, '-', f'{host}!rmail', f'({further})'],
                       input=head + rest, check=True)
