// kvfrontier list and describe: every scheme tells its options, paper, guarantee and surrogates, and the reference in
// docs/ is what the binary writes.

#include <cstdio>

#include "../support/catch.hpp"
#include "process.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::end_to_end::describe {
namespace {

// Tests of other files register schemes that cheat; the program has none of them.
std::vector<std::string> scheme_names() {
  std::vector<std::string> names;
  for (const auto& name : schemes::Schemes::names()) {
    if (name.rfind("cheat_", 0) != 0) names.push_back(name);
  }
  return names;
}

}  // namespace

TEST_CASE("describe prints what the scheme says of itself", "[end_to_end]") {
  for (const auto& name : scheme_names()) {
    CAPTURE(name);
    const auto& scheme = schemes::Schemes::find(name, "scheme");
    const auto card = kvfrontier({"describe", name});
    REQUIRE(card.code == 0);
    for (const std::string& text : {scheme.summary(), scheme.surrogates(), scheme.paper(), scheme.guarantee()}) {
      CHECK_FALSE(text.empty());
      CHECK(card.out.find(text) != std::string::npos);
    }
    for (const auto& option : scheme.options().options()) CHECK(card.out.find(option.meaning) != std::string::npos);
  }
}

TEST_CASE("the references in docs/ and the schema are what the binary writes", "[end_to_end]") {
  const std::pair<std::vector<std::string>, const char*> documents[] = {
      {{"list", "schemes", "--markdown"}, "docs/schemes.md"},
      {{"list", "embeddings", "--markdown"}, "docs/embeddings.md"},
      {{"list", "instances", "--markdown"}, "docs/instances.md"},
      {{"list", "experiments", "--markdown"}, "docs/config.md"},
      {{"list", "fields", "--markdown"}, "docs/fields.md"},
      {{"schema"}, "configs/schema.json"}};
  for (const auto& [words, file] : documents) {
    const auto written = kvfrontier(words);
    REQUIRE(written.code == 0);
    std::string command = "build/kvfrontier";
    for (const auto& word : words) command += " " + word;
    INFO("write it again with: " << command << " > " << file);
    const bool fresh = written.out == read_text(fs::path(KVFRONTIER_SOURCE_DIR) / file);
    CHECK(fresh);
    if (words[0] == "schema") continue;
    const auto names = nlohmann::json::parse(kvfrontier({"list", words[1], "--json"}).out);
    for (const auto& entry : names) {
      // The reference of configs leaves claims to docs/claims.md.
      const auto name = entry.at("name").get<std::string>();
      if (words[1] == "experiments" && name != "index_frontier" && name != "minimal_memory") continue;
      CAPTURE(name);
      const std::string place = words[1] == "fields" ? "\n| `" + name + "` | " : "\n## " + name + "\n";
      CHECK(written.out.find(place) != std::string::npos);
    }
  }
}

TEST_CASE("the schema knows every key of the configs that come with the program", "[end_to_end]") {
  const auto schema = nlohmann::json::parse(kvfrontier({"schema"}).out);
  std::size_t configs = 0;
  for (const auto& file : fs::recursive_directory_iterator(fs::path(KVFRONTIER_SOURCE_DIR) / "configs")) {
    if (file.path().extension() != ".json" || file.path().filename() == "schema.json") continue;
    ++configs;
    CAPTURE(file.path().string());
    const auto config = nlohmann::json::parse(read_text(file.path()), nullptr, true, true);
    const nlohmann::json* known = nullptr;
    for (const auto& one : schema.at("allOf")) {
      if (one.at("if").at("properties").at("experiment").at("const") == config.at("experiment"))
        known = &one.at("then").at("properties");
    }
    REQUIRE(known != nullptr);
    const auto& axes = known->at("grid").at("anyOf").at(0).at("properties");
    CHECK(axes.size() > 5);
    for (const auto& [key, value] : config.items()) CHECK(known->contains(key));
    const auto grids = config.at("grid").is_array() ? config.at("grid") : nlohmann::json::array({config.at("grid")});
    for (const auto& grid : grids) {
      for (const auto& [key, value] : grid.items()) CHECK(axes.contains(key));
    }
  }
  CHECK(configs >= 5);
}

TEST_CASE("bash completes verbs, flags and names", "[end_to_end]") {
  const auto script = kvfrontier({"completion", "bash"});
  REQUIRE(script.code == 0);
  const Folder folder;
  const auto complete = [&](const std::string& words, int index) {
    const std::string file =
        folder.write("ask.bash", script.out + "\nCOMP_WORDS=(" + words + ")\nCOMP_CWORD=" + std::to_string(index) +
                                     "\n_kvfrontier\necho \"${COMPREPLY[*]}\"\n");
    std::FILE* pipe = popen(("bash " + file + " 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string answer;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) answer += static_cast<char>(c);
    CHECK(pclose(pipe) == 0);
    return answer;
  };
  CHECK(complete("kvfrontier fron", 1) == "frontier\n");
  CHECK(complete("kvfrontier table DIR --mo", 3) == "--model\n");
  CHECK(complete("kvfrontier table DIR --format la", 4) == "latex\n");
  CHECK(complete("kvfrontier floor --model var-d2", 3) == "var-d20 var-d24\n");
  CHECK(complete("kvfrontier describe rate_d", 2) == "rate_distortion\n");
  CHECK(complete("kvfrontier list sch", 2) == "schemes\n");
  CHECK(complete("kvfrontier verify --only leak", 3) == "leak_law\n");
}

}  // namespace kvfrontier::end_to_end::describe
