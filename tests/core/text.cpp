#include "core/text.hpp"

#include "../support/catch.hpp"
#include "core/errors.hpp"

using kvfrontier::core::printable;

TEST_CASE("what a terminal would obey, or not show, is written as an escape", "[text]") {
  CHECK(printable("plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x99\x82 and \\ stay") ==
        "plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x99\x82 and \\ stay");
  CHECK(printable("\x1b[31mred\x07") == "\\u001b[31mred\\u0007");
  CHECK(printable("a\nb\tc\rd\x7f") == "a\\nb\\tc\\rd\\u007f");
  CHECK(printable(std::string_view("bit\0pack", 8)) == "bit\\u0000pack");
  CHECK(printable("\xc2\x9b") == "\\u009b");                      // C1: another way to begin a command
  CHECK(printable("\xe2\x80\xae txt.exe") == "\\u202e txt.exe");  // right to left
  CHECK(printable("\xe2\x80\x8b") == "\\u200b");                  // no width
  CHECK(printable("\xef\xbb\xbf") == "\\ufeff");
  CHECK(printable("\xf3\xa0\x80\xa1") == "\\U000e0021");  // a tag
  // Bytes that are no UTF-8: alone, cut off, too long, a surrogate, beyond Unicode.
  CHECK(printable("\xff") == "\\xff");
  CHECK(printable("\x80") == "\\x80");
  CHECK(printable("\xe2\x82") == "\\xe2\\x82");
  CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");
  CHECK(printable("\xe0\x80\x80") == "\\xe0\\x80\\x80");
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");
  CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(printable("").empty());
}

TEST_CASE("errors are printable whatever is put into them", "[text]") {
  using namespace kvfrontier::core;
  const std::string name = std::string("bit\0pack", 8) + "\x1b";
  CHECK(std::string(UserError(name).what()) == "bit\\u0000pack\\u001b");
  CHECK(std::string(StoreError(name).what()) == "bit\\u0000pack\\u001b");
  CHECK(std::string(MachineError(name).what()) == "bit\\u0000pack\\u001b");
  CHECK(std::string(DataError(name).what()) == "bit\\u0000pack\\u001b");
  CHECK(std::string(ConfigError("grid." + name, '"' + name + '"', "other").what()) ==
        "grid.bit\\u0000pack\\u001b: found \"bit\\u0000pack\\u001b\"; allowed: other");
}
