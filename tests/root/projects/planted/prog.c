// SPDX-License-Identifier: GPL-2.0-or-later
extern const char built_by[];
int main(void) { return built_by[0] == 0; }
asm(".section .rodata\n.globl built_by\nbuilt_by: .incbin \"note\"\n.byte 0\n.text");
