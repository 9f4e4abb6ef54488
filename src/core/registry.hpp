#pragma once
// Plug-ins (schemes, embeddings, instance families, experiments) register themselves from a static object in their own
// file; lists come back sorted by name.

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/errors.hpp"

namespace kvfrontier::core {

// T needs `std::string name() const`.
template <class T>
class Registry {
 public:
  static void add(std::unique_ptr<T> entry) {
    const std::string name = entry->name();
    if (!table().emplace(name, std::move(entry)).second) throw std::logic_error("registered twice: " + name);
  }

  static std::vector<std::string> names() {
    std::vector<std::string> list;
    for (const auto& [name, entry] : table()) list.push_back(name);
    return list;
  }

  static const T* find_or_null(const std::string& name) {
    const auto entry = table().find(name);
    return entry == table().end() ? nullptr : entry->second.get();
  }

  // `path` is where the user wrote the name. Throws ConfigError with the nearest name.
#if __has_cpp_attribute(gnu::no_dangling)
  [[gnu::no_dangling]]  // GCC 14 would suspect the entry to be a part of the arguments
#endif
  static const T&
  find(const std::string& name, const std::string& path) {
    if (const T* entry = find_or_null(name)) return *entry;
    std::string allowed;
    for (const auto& known : names()) allowed += (allowed.empty() ? "" : ", ") + known;
    throw ConfigError(path, '"' + name + '"', allowed, nearest_name(name, names()));
  }

 private:
  static std::map<std::string, std::unique_ptr<T>>& table();
};

// `const Registration<Scheme, Uniform> registration;` at namespace scope registers a Uniform.
template <class T, class Entry>
struct Registration {
  Registration() { Registry<T>::add(std::make_unique<Entry>()); }
};

// Defined inline once per program: the library is shared, and the linker folds the copies of this one function static.
template <class T>
std::map<std::string, std::unique_ptr<T>>& Registry<T>::table() {
  static std::map<std::string, std::unique_ptr<T>> entries;
  return entries;
}

}  // namespace kvfrontier::core
