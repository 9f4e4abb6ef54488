#include "theory/pyramid.hpp"

#include <cmath>

#include "../support/catch.hpp"
#include "geometry/schedule.hpp"

using namespace kvfrontier;

TEST_CASE("pyramid: closed forms against the list of sides") {
  for (int n = 2; n <= 256; n *= 2) {
    const auto schedule = geometry::Schedule::named("doubling", n);
    CHECK(theory::doubling_tokens(n) == schedule.tokens());
    for (int window = 1; window <= schedule.map_count(); ++window) {
      const double held = static_cast<double>(schedule.tokens() - schedule.first_token(schedule.map_count() - window));
      CHECK(theory::doubling_window_share(n, window) ==
            Approx(held / static_cast<double>(schedule.tokens())).epsilon(1e-13));
    }
    CHECK_THROWS_AS(theory::doubling_window_share(n, schedule.map_count() + 1), std::domain_error);
  }
  CHECK_THROWS_AS(theory::doubling_tokens(12), std::domain_error);
}

TEST_CASE("pyramid: VAR-256 windows") {
  const auto schedule = geometry::Schedule::named("var256", 0);
  const double shares[] = {0.399, 0.634, 0.785};
  for (int window = 1; window <= 3; ++window) {
    const double held = static_cast<double>(schedule.tokens() - schedule.first_token(schedule.map_count() - window));
    CHECK(std::abs(held / static_cast<double>(schedule.tokens()) - shares[window - 1]) < 5e-4);
  }
}
