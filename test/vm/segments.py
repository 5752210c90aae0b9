# SPDX-License-Identifier: GPL-2.0-only
"""A TCP client made by hand, for segments that no kernel sends.

segments.py DST DPORT SPORT ACTION N: from 198.18.7.7, which the attacker of a
Link routes nowhere, so that nobody else answers. Prints how many it sent.

  closed   N SYNs, from SPORT on upwards, and no answer to any SYN-ACK
  badsum   N segments with a wrong checksum, of a connection made first
  old      N segments from far below the window, likewise
  full     data until the window is shut, then N segments beyond it
"""
import socket
import struct
import sys
import time

SRC = "198.18.7.7"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Peer:
    def __init__(self, dst, dport, sport):
        self.dst, self.dport, self.sport = dst, dport, sport
        self.seq, self.ack, self.window = 1000, 0, 65535
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))

    def send(self, flags, seq=None, data=b"", wrong=0, sport=None):
        seq = self.seq if seq is None else seq
        ends = socket.inet_aton(SRC) + socket.inet_aton(self.dst)
        header = lambda total: struct.pack(
            "!HHIIBBHHH", sport or self.sport, self.dport, seq & 0xFFFFFFFF, self.ack,
            5 << 4, flags, 65535, total, 0)
        pseudo = ends + struct.pack("!BBH", 0, socket.IPPROTO_TCP, 20 + len(data))
        tcp = header(checksum(pseudo + header(0) + data) ^ wrong) + data
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + ends
        self.raw.sendto(ip + tcp, (self.dst, 0))

    def receive(self, seconds):
        """The flags of the next segment for us, or 0; notes what it acknowledges."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return 0
            self.wire.settimeout(left)
            try:
                packet = self.wire.recv(65535)
            except socket.timeout:
                return 0
            tcp = packet[(packet[0] & 15) * 4:]
            if packet[9] != 6 or packet[12:16] != socket.inet_aton(self.dst):
                continue
            sport, dport, seq, ack = struct.unpack("!HHII", tcp[:12])
            if (sport, dport) != (self.dport, self.sport):
                continue
            self.window = struct.unpack("!H", tcp[14:16])[0]
            self.acked, self.theirs = ack, seq
            return tcp[13]

    def connect(self):
        self.send(SYN)
        if self.receive(5) != SYN | ACK:
            sys.exit("no SYN-ACK")
        self.seq, self.ack = self.acked, self.theirs + 1
        self.send(ACK)

    def shut_the_window(self):
        for _ in range(1000):
            if self.window == 0:
                return
            data = b"x" * min(500, self.window)
            self.send(ACK | PSH, data=data)
            if self.receive(2) & ACK:
                self.seq = self.acked
        sys.exit("the window stays open")


def main():
    dst, dport, sport, action, n = sys.argv[1:]
    peer = Peer(dst, int(dport), int(sport))
    if action != "closed":
        peer.connect()
        time.sleep(0.2)
    if action == "full":
        peer.shut_the_window()
    for i in range(int(n)):
        if action == "closed":
            peer.send(SYN, sport=peer.sport + i)
        elif action == "badsum":
            peer.send(ACK | PSH, data=b"y" * 100, wrong=0x5555)
        elif action == "old":
            peer.send(ACK | PSH, seq=peer.seq - 1000000, data=b"y" * 100)
        else:
            peer.send(ACK | PSH, data=b"y" * 100)
    print(n)


main()
