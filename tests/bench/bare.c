// SPDX-License-Identifier: GPL-2.0-or-later
/* The least that a program may cost: starts and ends. */
int main(void)
{
	return 0;
}
