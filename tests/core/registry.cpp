#include "core/registry.hpp"

#include "../support/catch.hpp"

using namespace kvfrontier::core;

namespace {

struct Fruit {
  virtual ~Fruit() = default;
  virtual std::string name() const = 0;
};
struct Pear : Fruit {
  std::string name() const override { return "pear"; }
};
struct Apple : Fruit {
  std::string name() const override { return "apple"; }
};
struct Medlar : Fruit {
  std::string name() const override { return "medlar"; }
};

const Registration<Fruit, Pear> pear;
const Registration<Fruit, Apple> apple;

}  // namespace

TEST_CASE("plug-ins are there before main, sorted by name, once each", "[registry]") {
  CHECK(Registry<Fruit>::names() == std::vector<std::string>{"apple", "pear"});
  CHECK(Registry<Fruit>::find("pear", "fruit").name() == "pear");
  CHECK(Registry<Fruit>::find_or_null("quince") == nullptr);
  CHECK_THROWS_AS(Registry<Fruit>::add(std::make_unique<Pear>()), std::logic_error);
  try {
    Registry<Fruit>::find("peer", "grid.fruit");
    FAIL("no error");
  } catch (const ConfigError& error) {
    CHECK(error.path == "grid.fruit");
    CHECK(error.found == "\"peer\"");
    CHECK(error.allowed == "apple, pear");
    CHECK(error.nearest == "pear");
  }
  { const Registration<Fruit, Medlar> late; }
  CHECK(Registry<Fruit>::find_or_null("medlar") != nullptr);
}
