#include "schemes/codec/gaussian_codebook.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace kvfrontier::schemes {
namespace {

double density(double x) {
  return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
}
// P(a < X < b), accurate in both tails.
double mass(double a, double b) {
  const auto tail = [](double x) { return std::erfc(x / std::numbers::sqrt2) / 2; };
  return a > 0 ? tail(a) - tail(b) : tail(-b) - tail(-a);
}

}  // namespace

int GaussianCodebook::at_slot(std::uint32_t slot) const {
  return std::upper_bound(first.begin(), first.end() - 1, slot) - first.begin() - 1;
}

GaussianCodebook gaussian_codebook(double spacing, double offset, double multiplier) {
  GaussianCodebook book;
  book.spacing = spacing;
  book.offset = offset;
  book.half = static_cast<int>(gaussian_reach / spacing) + 1;
  const int size = 2 * book.half + 1;
  const auto lattice = [&](int i) { return offset + spacing * (i - book.half); };
  book.points.resize(size);
  book.bits.assign(size, 0);
  for (int i = 0; i < size; ++i) book.points[i] = lattice(i);

  std::vector<double> thresholds(size + 1), probability(size);
  thresholds.front() = -50;
  thresholds.back() = 50;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i + 1 < size; ++i) {
      const double middle = (book.points[i] + book.points[i + 1]) / 2;
      const double shift = multiplier * (book.bits[i + 1] - book.bits[i]) / (2 * (book.points[i + 1] - book.points[i]));
      // Stays near its place, so cells stay ordered in the tails, which have next to no mass.
      thresholds[i + 1] = std::clamp(middle + shift, lattice(i) - spacing / 2, lattice(i + 1) + spacing / 2);
    }
    double moved = 0;
    for (int i = 0; i < size; ++i) {
      const double a = thresholds[i], b = thresholds[i + 1];
      const double p = probability[i] = b > a ? mass(a, b) : 0;
      const double low = lattice(i) - spacing, high = lattice(i) + spacing;
      const double point = p > 1e-13 ? std::clamp((density(a) - density(b)) / p, low, high) : lattice(i);
      moved = std::max(moved, p * std::abs(point - book.points[i]));
      book.points[i] = point;
      book.bits[i] = -std::log2(std::max(p, 0x1p-24));
    }
    if (round > 0 && moved < 1e-7 * spacing) break;
  }
  // Only points without mass can be out of order; ascending points keep every index meaningful.
  std::sort(book.points.begin(), book.points.end());

  double total = 0;
  for (const double p : probability) total += p;
  const double free_slots = (1 << slot_bits) - size;
  std::vector<std::uint32_t> counts(size);
  std::uint32_t used = 0;
  for (int i = 0; i < size; ++i) {
    counts[i] = 1 + static_cast<std::uint32_t>(free_slots * probability[i] / total);
    used += counts[i];
  }
  *std::max_element(counts.begin(), counts.end()) += (1u << slot_bits) - used;
  book.first.assign(1, 0);
  for (int i = 0; i < size; ++i) {
    book.first.push_back(book.first.back() + counts[i]);
    book.bits[i] = slot_bits - std::log2(counts[i]);
  }
  return book;
}

}  // namespace kvfrontier::schemes
