#include "simulator/transcript.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "core/errors.hpp"

using namespace kvfrontier;
using namespace kvfrontier::tests;
using core::RowMatrixD;
using simulator::Isolation;

namespace {

class File {
 public:
  File() : path(std::filesystem::temp_directory_path() / ("kvfrontier-game-" + std::to_string(getpid()))) {}
  ~File() { std::filesystem::remove(path); }
  std::string read() const {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  void write(const std::string& text) const { std::ofstream(path, std::ios::binary) << text; }
  const std::filesystem::path path;
};

simulator::Transcript played(const std::string& scheme, const Json& options, std::uint64_t budget = 0) {
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8}), 9), 1);
  simulator::Transcript game;
  game.params = params_of(*instance, scheme, options, 6.25);
  if (budget > 0) game.params.budget_bits = budget;
  game.message = simulator::encode(game.params, *instance).bits;
  game.queries = instance->random_queries(12, 6.25);
  game.answers = simulator::ask_bob(game.params, game.message, game.queries, {Isolation::always, 60});
  return game;
}

}  // namespace

TEST_CASE("a game read from its file is the game, and decodes to the same digest", "[transcript]") {
  const File file;
  for (const auto& game :
       {played("exact", {{"format", "bf16"}}), played("kivi", {{"bits", 3}, {"rotation", "public"}}, 12345),
        played("uniform", {{"kept", 0}}), played("bitpack", {{"bits", 65}})}) {
    write_transcript(game, file.path);
    const auto back = simulator::read_transcript(file.path);
    CHECK(back.params.to_json() == game.params.to_json());
    CHECK(back.message == game.message);
    CHECK(back.queries == game.queries);
    CHECK(back.digest == simulator::answers_digest(game.answers));
    for (const Isolation isolation : {Isolation::always, Isolation::never}) {
      CHECK(simulator::answers_digest(simulator::ask_bob(back.params, back.message, back.queries, {isolation, 60})) ==
            back.digest);
    }
  }
  RowMatrixD answers = played("exact", Json::object()).answers;
  const std::string digest = simulator::answers_digest(answers);
  answers(3, 4) = std::nextafter(answers(3, 4), 2);
  CHECK(simulator::answers_digest(answers) != digest);
}

TEST_CASE("files that are no transcript are refused", "[transcript]") {
  const File file;
  CHECK_THROWS_AS(simulator::read_transcript("/nowhere/game"), core::UserError);
  CHECK_THROWS_AS(simulator::write_transcript(played("exact", Json::object()), "/nowhere/game"), core::UserError);
  for (const char* text : {"", "\n", "garbage", "{}\n", "[1]\n", "{\"format\": 7}\n",
                           "{\"format\": \"kvfrontier-game-1\"}\n", "{\"format\": \"kvfrontier-game-2\"}\n"}) {
    CAPTURE(text);
    file.write(text);
    CHECK_THROWS_AS(simulator::read_transcript(file.path), core::DataError);
  }

  write_transcript(played("exact", Json::object()), file.path);
  const std::string whole = file.read();
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    file.write(whole.substr(0, size));
    REQUIRE_THROWS_AS(simulator::read_transcript(file.path), core::DataError);
  }
  file.write(whole + "x");
  CHECK_THROWS_AS(simulator::read_transcript(file.path), core::DataError);
  file.write(whole);
  CHECK_NOTHROW(simulator::read_transcript(file.path));

  // A header that promises more than the file has must not be believed with memory.
  const std::size_t end = whole.find('\n');
  const auto damaged = [&](const char* key, const Json& value) {
    Json header = Json::parse(whole.substr(0, end));
    header[key] = value;
    file.write(header.dump() + whole.substr(end));
    CAPTURE(key, value.dump());
    CHECK_THROWS_AS(simulator::read_transcript(file.path), core::DataError);
  };
  damaged("message_bits", std::uint64_t{1} << 39);
  damaged("message_bits", -1);
  damaged("message_bits", "many");
  damaged("queries", std::uint64_t{1} << 35);
  damaged("d", std::uint64_t{1} << 63);
  damaged("params", 7);
  damaged("params", Json::object());
  damaged("answers_digest", nullptr);
  Json params = Json::parse(whole.substr(0, end))["params"];
  params["schedule"]["sides"] = {4, 2};
  damaged("params", params);
}
