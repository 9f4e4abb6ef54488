// One game from C++, without a config: the code of docs/tutorial_game.md.

#include <cstdio>

#include "simulator/play.hpp"
#include "simulator/zygote.hpp"

using namespace kvfrontier;

int main() {
  simulator::Zygote::start();  // first of all: every Bob is forked from a process that has never seen an instance
  simulator::GameRequest request;
  request.n = 16;
  request.d = 64;
  request.rate = 2;  // bits per value entry
  request.scheme = core::JsonText({{"name", "uniform"}, {"keys", "public"}});
  simulator::GamePoint point = simulator::resolve(request);
  point.seed = 7;
  const simulator::GameRecord game = simulator::play(point, /*trial=*/0);
  if (game.status != simulator::Status::ok) return 1;  // a draw of keys may have no certified scaling
  const auto& error = simulator::Metrics::find("error", "metric");
  const double mean = game.metric("error")->mean;
  std::printf("%s: tau %.3f, %ld bits, error %.4f, floor %.0f bits\n", game.label.c_str(), game.tau, game.message_bits,
              mean, error.floor_bits(simulator::floor_input(game, point.tokens, point.d), mean).value());
}
