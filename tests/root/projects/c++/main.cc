// SPDX-License-Identifier: GPL-2.0-or-later
#include "shape.h"
#include <iostream>
int main()
{
	std::cout << make_shape("square", 2)->area() << '\n';
	try {
		make_shape("blob", 1);
	} catch (const bad_shape &e) {
		std::cout << e.what() << " from " << __FILE__ << '\n';
		return 0;
	}
	return 1;
}
