// One game from C++, without a config: the code of docs/tutorial_game.md.

#include <cstdio>

#include "reduction/certificate.hpp"
#include "schemes/scheme.hpp"
#include "simulator/bob.hpp"
#include "simulator/game.hpp"
#include "simulator/metrics.hpp"
#include "simulator/zygote.hpp"
#include "theory/floor.hpp"

using namespace kvfrontier;

int main() {
  // First of all: every Bob is forked from a process that has never seen an instance.
  simulator::Zygote::start();

  // What Alice holds: N d random bits as value rows, behind near-orthogonal keys. A function of (seed, shape, trial).
  reduction::InstanceParams shape;
  shape.schedule = geometry::Schedule::named("doubling", 16);
  shape.d = 64;
  const auto coins = reduction::Coins::derive(/*seed=*/7, shape, /*trial=*/0);
  const auto instance = reduction::make_instance(shape, coins);

  // How far Bob must scale his queries so that every row decodes; none when two keys came out too close.
  const double eta = 0.5;
  const auto tau = reduction::certified_tau(reduction::certify(*instance), *instance, eta, /*max_tau=*/500);
  if (!tau) return 1;

  // What both parties know for free, and a scheme fitted to a budget of two bits per value entry.
  const auto& scheme = schemes::Schemes::find("uniform", "scheme");
  schemes::PublicParams params;
  params.schedule = shape.schedule;
  params.d = shape.d;
  params.embedding = shape.embedding;
  params.tau = *tau;
  params.key = coins.open;
  params.scheme = scheme.name();
  params.options = scheme.options().resolve({{"keys", "public"}}, "scheme");
  params.budget_bits = 2 * instance->information_bits();
  const auto fit = scheme.fit(params, *params.budget_bits);
  if (!fit.options) return 1;  // fit.least_bits says what it would take
  params.options = *fit.options;

  // Alice streams, and hands over a bit string with its ledger.
  const simulator::Message message = simulator::encode(params, *instance);

  // Bob, a process of his own, gets the public parameters, the bits and the queries tau k_i.
  const std::vector<core::Index> rows = instance->queried_rows(256);
  core::RowMatrixD queries(256, shape.d), values(256, shape.d);
  core::RowMatrixF row(1, shape.d);
  for (core::Index i = 0; i < 256; ++i) {
    instance->keys(rows[i], row);
    queries.row(i) = *tau * row.cast<double>();
    instance->values(rows[i], row);
    values.row(i) = row.cast<double>();
  }
  const core::RowMatrixD answers = simulator::ask_bob(params, message.bits, queries, {});

  // How many bits he read wrong, and the least bits that any message with this error has.
  const auto decoding = simulator::decode(answers, values, rows, shape.schedule, eta);
  const double error = decoding.row_errors / 256;
  std::printf("%s: tau %.3f, %llu bits, error %.4f, floor %lld bits\n", params.options.dump().c_str(), *tau,
              static_cast<unsigned long long>(message.bits.size), error,
              static_cast<long long>(theory::min_bits(instance->information_bits(), error)));
  for (const auto& [section, bits] : message.ledger)
    std::printf("  %s %llu bits\n", section.c_str(), static_cast<unsigned long long>(bits));
}
