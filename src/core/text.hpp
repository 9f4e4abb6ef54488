#pragma once
// Text from outside on a terminal.

#include <string>
#include <string_view>

namespace kvfrontier::core {

// `text` in one line that no terminal takes for a command and that reads as it is: control characters, marks that change
// the direction of writing or show nothing, and bytes that are no UTF-8 are written as \n, \u001b and \xff.
std::string printable(std::string_view text);

}  // namespace kvfrontier::core
