#include "geometry/model.hpp"

#include "core/errors.hpp"

namespace kvfrontier::geometry {

const std::vector<Model>& Model::all() {
  static const std::vector<Model> models{
      {"var-d16", "var256", 16, 16, 64},       {"var-d20", "var256", 20, 20, 64},
      {"var-d24", "var256", 24, 24, 64},       {"var-d30", "var256", 30, 30, 64},
      {"var-d36-512", "var512", 36, 36, 64},   {"infinity-2b", "infinity", 32, 16, 128},
      {"infinity-8b", "infinity", 40, 28, 128}};
  return models;
}

const Model& Model::named(const std::string& name) {
  std::vector<std::string> names;
  std::string list;
  for (const Model& model : all()) {
    if (model.name == name) return model;
    names.push_back(model.name);
    list += (list.empty() ? "" : ", ") + model.name;
  }
  const std::string nearest = core::nearest_name(name, names);
  throw core::UserError("--model " + name + ": allowed are " + list +
                        (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
}

}  // namespace kvfrontier::geometry
