// The fast reader of record lines against the JSON parser, on lines as they are written and on lines that are not.

#include "sweep/record_line.hpp"

#include "../support/catch.hpp"
#include "core/rng.hpp"
#include "sweep/record.hpp"

namespace kvfrontier::sweep::record_line_test {
namespace {

using core::Json;

Record made(Json data, Status status = Status::ok) {
  Record record;
  record.parameters = std::make_shared<const Json>(Json{
      {"d", 16}, {"scheme", {{"name", "kivi"}, {"options", {{"bits", 1.5}, {"keys", "stored"}}}}}, {"rate", nullptr}});
  record.point = point_id(*record.parameters);
  record.trial = 41;
  record.result = {status, std::move(data)};
  record.seconds = 0.001364937;
  record.session = "ffd91cfd537df5a5";
  return record;
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

// Sealed, without the newline.
std::string line_of(const std::string& object) {
  std::string line = sealed(object.empty() ? " " : object);
  line.pop_back();
  return line;
}

}  // namespace

TEST_CASE("a line is read as the parser reads it, and written back byte by byte", "[store]") {
  for (const Record& record :
       {made(full), made(Json::object(), Status::infeasible), made({{"reason", "out of memory"}}, Status::failed)}) {
    const std::string line = line_of(record.to_json().dump());
    const auto fields = read_record_line(line);
    REQUIRE(fields.has_value());
    CHECK(Json::parse(fields->data) == record.result.data);
    CHECK(Json::parse(fields->parameters) == *record.parameters);
    CHECK(fields->point == record.point);
    CHECK(fields->trial == record.trial);
    CHECK(fields->seconds == record.seconds);
    CHECK(fields->session == record.session);
    CHECK(fields->status == record.result.status);
    CHECK(record_line(*fields) == line + "\n");
    CHECK(sealed_line(Json::parse(line)) == line + "\n");
  }
}

TEST_CASE("a line that only a parser can judge is left to it", "[store]") {
  const std::string line = made({{"reason", "x"}}).to_json().dump();
  REQUIRE(read_record_line(line_of(line)).has_value());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = line;
    changed.replace(changed.find(from), from.size(), to);
    return changed;
  };
  for (const std::string& other :
       {std::string(), line + " ", line + "}", line.substr(0, line.size() - 1), with("\"x\"", "\"\\u0041\""),
        with("\"x\"", "\"\xc3\xa9\""), with("\"x\"", "\"\t\""), with("\"x\"", "01"), with("\"x\"", "1."),
        with("\"x\"", "-"), with("\"x\"", "1e"), with("\"x\"", "nul"), with("\"x\"", "[1,]"), with("\"x\"", "{1:2}"),
        with("{\"reason\":\"x\"}", "3"), with(",\"trial\":41", ",\"trial\":4.5"), with("\"schema\":2", "\"schema\":1"),
        with("{\"data\"", "{ \"data\""), with(",\"seconds\":0.001364937", "")}) {
    INFO(other);
    CHECK_FALSE(read_record_line(line_of(other)).has_value());
  }
}

TEST_CASE("no damaged byte makes the reader accept what the parser refuses", "[store]") {
  const std::string line = made(full).to_json().dump();
  core::Stream stream({7}, core::Purpose("test/record line"), 0);
  std::size_t accepted = 0;
  for (int repeat = 0; repeat < 20000; ++repeat) {
    std::string damaged = line;
    const auto place = stream.next64() % damaged.size();
    if (repeat % 3 == 0) {
      damaged.erase(place, 1 + stream.next64() % 8);
    } else {
      damaged[place] = static_cast<char>(stream.next64() % 128);
    }
    if (damaged.front() != '{') continue;  // in its place is the seal
    const std::string sound_seal = line_of(damaged);
    const auto fields = read_record_line(sound_seal);
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

TEST_CASE("a changed character breaks the seal of a line, wherever it is", "[store]") {
  const std::string line = line_of(made(full).to_json().dump());
  REQUIRE(seal_of(line) == Seal::sound);
  for (std::size_t place = 0; place < line.size(); ++place) {
    for (const int bit : {0, 3, 6}) {
      std::string damaged = line;
      damaged[place] = static_cast<char>(damaged[place] ^ 1 << bit);
      CAPTURE(place, bit);
      CHECK(seal_of(damaged) != Seal::sound);
      CHECK_FALSE(read_record_line(damaged).has_value());
    }
    CHECK(seal_of(line.substr(0, place)) != Seal::sound);
  }
  CHECK(seal_of(made(full).to_json().dump()) == Seal::none);
  CHECK(seal_of("") == Seal::none);
}

}  // namespace kvfrontier::sweep::record_line_test
