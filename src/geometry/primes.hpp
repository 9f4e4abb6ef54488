#pragma once
// Small primes, for families over F_q.

#include "core/matrix.hpp"

namespace kvfrontier::geometry {

inline bool is_prime(core::Index q) {
  if (q < 2) return false;
  for (core::Index p = 2; p * p <= q; ++p) {
    if (q % p == 0) return false;
  }
  return true;
}

// Least prime >= q.
inline core::Index prime_from(core::Index q) {
  while (!is_prime(q)) ++q;
  return q;
}

// Greatest prime <= q, or 0.
inline core::Index prime_up_to(core::Index q) {
  while (q >= 2 && !is_prime(q)) --q;
  return q >= 2 ? q : 0;
}

}  // namespace kvfrontier::geometry
