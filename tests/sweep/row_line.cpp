// The fast reader of row lines against the JSON parser, on lines as they are written and on lines that are not.

#include "sweep/row_line.hpp"

#include <catch2/catch.hpp>
#include <sstream>

#include "core/rng.hpp"
#include "sweep/row.hpp"

namespace kvfrontier::sweep::row_line_test {
namespace {

using core::Json;

Row made(Json data, const std::string& status = "ok") {
  Row row;
  row.parameters = std::make_shared<const Json>(Json{
      {"d", 16}, {"scheme", {{"name", "kivi"}, {"options", {{"bits", 1.5}, {"keys", "stored"}}}}}, {"rate", nullptr}});
  row.point = point_id(*row.parameters);
  row.trial = 41;
  row.result = {status, std::move(data)};
  row.seconds = 0.001364937;
  row.session = "ffd91cfd537df5a5";
  return row;
}

const Json full = {{"error", 0.25},
                   {"tiny", -1.5e-300},
                   {"large", 1e22},
                   {"bits", 18446744073709551615u},
                   {"negative", -7},
                   {"none", nullptr},
                   {"certain", true},
                   {"not", false},
                   {"empty", Json::array()},
                   {"ledger", Json::object()},
                   {"list", {1, {2.5, "x y"}, {{"k", 0}}}}};

}  // namespace

TEST_CASE("a line is read as the parser reads it, and written back byte by byte", "[store]") {
  for (const Row& row :
       {made(full), made(Json::object(), "infeasible"), made({{"reason", "out of memory"}}, "failed")}) {
    const std::string line = row.to_json().dump();
    const auto fields = read_row_line(line);
    REQUIRE(fields.has_value());
    CHECK(Json::parse(fields->data) == row.result.data);
    CHECK(Json::parse(fields->parameters) == *row.parameters);
    CHECK(fields->point == row.point);
    CHECK(fields->trial == row.trial);
    CHECK(fields->seconds == row.seconds);
    CHECK(fields->session == row.session);
    CHECK(fields->status == row.result.status);
    std::ostringstream written;
    write_row_line(*fields, written);
    CHECK(written.str() == line + "\n");
  }
}

TEST_CASE("a line that only a parser can judge is left to it", "[store]") {
  const std::string line = made({{"reason", "x"}}).to_json().dump();
  REQUIRE(read_row_line(line).has_value());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = line;
    changed.replace(changed.find(from), from.size(), to);
    return changed;
  };
  for (const std::string& other :
       {std::string(), line + " ", line + "}", line.substr(0, line.size() - 1), with("\"x\"", "\"\\u0041\""),
        with("\"x\"", "\"\xc3\xa9\""), with("\"x\"", "\"\t\""), with("\"x\"", "01"), with("\"x\"", "1."),
        with("\"x\"", "-"), with("\"x\"", "1e"), with("\"x\"", "nul"), with("\"x\"", "[1,]"), with("\"x\"", "{1:2}"),
        with("{\"reason\":\"x\"}", "3"), with(",\"trial\":41", ",\"trial\":4.5"), with("\"schema\":1", "\"schema\":2"),
        with("{\"data\"", "{ \"data\""), with(",\"seconds\":0.001364937", "")}) {
    INFO(other);
    CHECK_FALSE(read_row_line(other).has_value());
  }
}

TEST_CASE("no damaged byte makes the reader accept what the parser refuses", "[store]") {
  const std::string line = made(full).to_json().dump();
  core::Stream stream({7}, core::Purpose("test/row line"), 0);
  std::size_t accepted = 0;
  for (int repeat = 0; repeat < 20000; ++repeat) {
    std::string damaged = line;
    const auto place = stream.next64() % damaged.size();
    if (repeat % 3 == 0) {
      damaged.erase(place, 1 + stream.next64() % 8);
    } else {
      damaged[place] = static_cast<char>(stream.next64() % 128);
    }
    const auto fields = read_row_line(damaged);
    if (!fields) continue;
    ++accepted;
    INFO(damaged);
    const Json parsed = Json::parse(damaged, nullptr, false);
    REQUIRE_FALSE(parsed.is_discarded());
    CHECK(parsed.at("trial") == fields->trial);
    CHECK(parsed.at("data") == Json::parse(fields->data));
  }
  CHECK(accepted > 1000);  // digits and letters of names may change and leave a sound line
}

}  // namespace kvfrontier::sweep::row_line_test
