// SPDX-License-Identifier: GPL-2.0-or-later
int answer(int);
int main(void) { return answer(21) != 42; }
