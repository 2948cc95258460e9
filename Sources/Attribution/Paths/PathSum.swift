import Graphs
import Kernels
import Tensors

/// A sum of tensors of one type and layout in double precision.
struct PathSum {
  private let model: Tensor
  private var elements: [Double]

  /// A sum of nothing, for tensors like this one.
  init(_ model: Tensor) {
    self.model = model
    elements = [Double](repeating: 0, count: model.byteCount / model.elementType.size)
  }

  mutating func add(_ tensor: Tensor) {
    func add<E: NumericElement>(_ type: E.Type) {
      tensor.withElements(as: E.self) { terms in
        for index in elements.indices { elements[index] += terms[index].asDouble }
      }
    }
    if tensor.elementType == .float64 { add(Double.self) } else { add(Float.self) }
  }

  /// The sum in the type and layout of its terms.
  var tensor: Tensor {
    func tensor<E: NumericElement>(_ type: E.Type) -> Tensor {
      let elements = Tensor(self.elements.map { E(converting: $0) }, shape: [elements.count])
      return Tensor(
        model.elementType, model.shape, layout: model.layout, storage: elements.storage)
    }
    return model.elementType == .float64 ? tensor(Double.self) : tensor(Float.self)
  }
}
