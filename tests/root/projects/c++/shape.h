// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once
#include <memory>
#include <string>
struct shape {
	virtual ~shape() = default;
	virtual double area() const = 0;
};
struct bad_shape : std::exception {
	std::string text;
	explicit bad_shape(std::string t) : text(std::move(t)) {}
	const char *what() const noexcept override;
};
std::unique_ptr<shape> make_shape(const std::string &name, double size);
