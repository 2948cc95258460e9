#include "connxcheck.h"

#include <google/protobuf/stubs/logging.h>
#include <onnx/checker.h>
#include <onnx/defs/schema.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <exception>
#include <string>
#include <unordered_set>

namespace {

// TensorProto.cut of proto/onnx.proto, which libonnx's own schema does not know.
constexpr int cut_field = 536870911;

connxcheck_verdict report(
  connxcheck_verdict verdict, const char *text, char *message, size_t capacity) {
  if (capacity > 0) {
    const size_t length = std::min(std::strlen(text), capacity - 1);
    std::memcpy(message, text, length);
    message[length] = 0;
  }
  return verdict;
}

// Whether the data of a tensor lies elsewhere; forgets where.
bool detach(onnx::TensorProto &tensor) {
  bool detached = tensor.data_location() == onnx::TensorProto::EXTERNAL;
  const auto &unknown = tensor.unknown_fields();
  for (int index = 0; index < unknown.field_count(); index++) {
    detached = detached || unknown.field(index).number() == cut_field;
  }
  tensor.mutable_unknown_fields()->Clear();
  tensor.clear_data_location();
  tensor.clear_external_data();
  return detached;
}

void empty_if_detached(onnx::TensorProto &tensor) {
  if (!detach(tensor)) return;
  tensor.clear_dims();
  tensor.add_dims(0);
}

void empty_if_detached(onnx::SparseTensorProto &sparse) {
  if (!sparse.has_values() || !sparse.has_indices()) return;
  const bool values = detach(*sparse.mutable_values());
  const bool indices = detach(*sparse.mutable_indices());
  if (!values && !indices) return;
  for (auto *part : {sparse.mutable_values(), sparse.mutable_indices()}) {
    const auto type = part->data_type();
    const std::string name = part->name();
    part->Clear();
    part->set_data_type(type);
    part->set_name(name);
    part->add_dims(0);
  }
}

void detach_graph(onnx::GraphProto &graph, bool input_stands_in);

void detach_nodes(
  google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes, bool input_stands_in) {
  for (auto &node : nodes) {
    for (auto &attribute : *node.mutable_attribute()) {
      if (attribute.has_t()) empty_if_detached(*attribute.mutable_t());
      if (attribute.has_g()) detach_graph(*attribute.mutable_g(), input_stands_in);
      if (attribute.has_sparse_tensor()) empty_if_detached(*attribute.mutable_sparse_tensor());
      for (auto &tensor : *attribute.mutable_tensors()) empty_if_detached(tensor);
      for (auto &inner : *attribute.mutable_graphs()) detach_graph(inner, input_stands_in);
      for (auto &sparse : *attribute.mutable_sparse_tensors()) empty_if_detached(sparse);
    }
  }
}

// Below IR version 4 initializers must be listed as inputs already: one that is not gets no
// stand-in, so that the checker finds its name undefined.
void detach_graph(onnx::GraphProto &graph, bool input_stands_in) {
  std::unordered_set<std::string> listed;
  for (const auto &input : graph.input()) listed.insert(input.name());
  google::protobuf::RepeatedPtrField<onnx::TensorProto> kept;
  for (auto &tensor : *graph.mutable_initializer()) {
    if (!detach(tensor)) {
      kept.Add()->Swap(&tensor);
    } else if (input_stands_in && listed.insert(tensor.name()).second) {
      auto *input = graph.add_input();
      input->set_name(tensor.name());
      auto *type = input->mutable_type()->mutable_tensor_type();
      type->set_elem_type(tensor.data_type());
      type->mutable_shape();
      for (const auto extent : tensor.dims()) type->mutable_shape()->add_dim()->set_dim_value(extent);
    }
  }
  graph.mutable_initializer()->Swap(&kept);
  for (auto &sparse : *graph.mutable_sparse_initializer()) empty_if_detached(sparse);
  detach_nodes(*graph.mutable_node(), input_stands_in);
}

// What of a model is newer than the library; empty if nothing is.
std::string beyond_library(const onnx::ModelProto &model) {
  if (model.ir_version() > connxcheck_max_ir_version()) {
    return "IR version " + std::to_string(model.ir_version());
  }
  const auto &known = onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
  const auto check = [&](const auto &imports) -> std::string {
    for (const auto &import : imports) {
      const std::string domain = import.domain() == "ai.onnx" ? "" : import.domain();
      const auto range = known.find(domain);
      if (range != known.end() && import.version() > range->second.second) {
        return (domain.empty() ? "opset " : domain + " ") + std::to_string(import.version());
      }
    }
    return {};
  };
  std::string beyond = check(model.opset_import());
  for (const auto &function : model.functions()) {
    if (beyond.empty()) beyond = check(function.opset_import());
  }
  return beyond;
}

connxcheck_verdict check(
  const void *bytes, size_t length, bool skeleton, char *message, size_t capacity) {
  try {
    const google::protobuf::LogSilencer silencer;
    onnx::ModelProto model;
    if (length > INT_MAX || !model.ParseFromArray(bytes, static_cast<int>(length))) {
      return report(CONNXCHECK_FAILED, "the bytes are no ModelProto", message, capacity);
    }
    const std::string beyond = beyond_library(model);
    if (!beyond.empty()) {
      return report(CONNXCHECK_NOT_COVERED, beyond.c_str(), message, capacity);
    }
    if (skeleton) {
      const bool input_stands_in = model.ir_version() >= 4;
      if (model.has_graph()) detach_graph(*model.mutable_graph(), input_stands_in);
      for (auto &function : *model.mutable_functions()) {
        detach_nodes(*function.mutable_node(), input_stands_in);
      }
    }
    onnx::checker::check_model(model);
    return report(CONNXCHECK_VALID, "", message, capacity);
  } catch (const onnx::checker::ValidationError &error) {
    return report(CONNXCHECK_INVALID, error.what(), message, capacity);
  } catch (const std::exception &error) {
    return report(CONNXCHECK_FAILED, error.what(), message, capacity);
  } catch (...) {
    return report(CONNXCHECK_FAILED, "the checker failed", message, capacity);
  }
}

}  // namespace

int64_t connxcheck_max_opset() {
  return onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map().at("").second;
}

int64_t connxcheck_max_ir_version() { return onnx::Version::IR_VERSION; }

connxcheck_verdict connxcheck_model(
  const void *bytes, size_t length, char *message, size_t capacity) {
  return check(bytes, length, false, message, capacity);
}

connxcheck_verdict connxcheck_skeleton(
  const void *bytes, size_t length, char *message, size_t capacity) {
  return check(bytes, length, true, message, capacity);
}
