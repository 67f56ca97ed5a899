#!/usr/bin/env python3
"""extract-kernel.py IN OUT: the bare kernel (ELF, or arm64 Image) held in a bzImage, EFI zboot or gzip image.

A boot image carries its payload at no fixed place, so every occurrence of a known compression magic is
tried until one unpacks to a kernel.
"""
import lzma
import subprocess
import sys
import zlib


def is_kernel(image: bytes) -> bool:
    return image[:4] == b"\x7fELF" or image[0x38:0x3C] == b"ARM\x64"


def run_filter(*command: str):
    # Trailing bytes after the payload make the tool fail after it has written all that matters.
    return lambda packed: subprocess.run(command, input=packed, capture_output=True, check=False).stdout


UNPACKERS = {
    b"\x28\xb5\x2f\xfd": run_filter("zstd", "-dcq"),
    b"\xfd7zXZ\0": lambda packed: lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(packed),
    b"\x1f\x8b\x08": lambda packed: zlib.decompressobj(31).decompress(packed),
    b"\x02\x21\x4c\x18": run_filter("lz4", "-dcq"),
}


def extract(image: bytes) -> bytes:
    if is_kernel(image):
        return image
    for magic, unpack in UNPACKERS.items():
        at = image.find(magic)
        while at >= 0:
            try:
                kernel = unpack(image[at:])
            except (lzma.LZMAError, zlib.error):
                kernel = b""
            if is_kernel(kernel):
                return kernel
            at = image.find(magic, at + 1)
    sys.exit(f'Cannot unpack "{sys.argv[1]}": 0 kernels found in it, 1 needed')


with open(sys.argv[1], "rb") as source:
    kernel_image = extract(source.read())
with open(sys.argv[2], "wb") as target:
    target.write(kernel_image)
