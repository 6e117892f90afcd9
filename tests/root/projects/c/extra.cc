// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <string>
#include <vector>
void order(std::vector<std::string> &v) { std::sort(v.begin(), v.end()); }
