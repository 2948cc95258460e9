package import Tensors

extension Workspace {
  /// The elements of `a` where `condition` holds and those of `b` elsewhere, all three stretched to
  /// one shape; any element type.
  package func select(
    _ condition: Tensor, _ a: Tensor, _ b: Tensor
  ) throws(KernelError) -> Tensor {
    guard condition.elementType == .bool, a.elementType == b.elementType else {
      throw KernelError(
        "a choice between \(a.elementType) and \(b.elementType) by \(condition.elementType)")
    }
    let (condition, a, b) = (rowMajor(condition), rowMajor(a), rowMajor(b))
    return switch a.elementType {
    case .bool: try select(condition, a, b, Bool.self)
    case .int8: try select(condition, a, b, Int8.self)
    case .uint8: try select(condition, a, b, UInt8.self)
    case .int16: try select(condition, a, b, Int16.self)
    case .uint16: try select(condition, a, b, UInt16.self)
    case .float16: try select(condition, a, b, Float16.self)
    case .bfloat16: try select(condition, a, b, BFloat16.self)
    case .int32: try select(condition, a, b, Int32.self)
    case .uint32: try select(condition, a, b, UInt32.self)
    case .float32: try select(condition, a, b, Float.self)
    case .int64: try select(condition, a, b, Int64.self)
    case .uint64: try select(condition, a, b, UInt64.self)
    case .float64: try select(condition, a, b, Double.self)
    }
  }

  private func select<E: Element>(
    _ condition: Tensor, _ a: Tensor, _ b: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    guard let values = Shape.broadcast(a.shape, b.shape),
      let shape = Shape.broadcast(condition.shape, values)
    else {
      throw KernelError("\(condition.shape), \(a.shape) and \(b.shape) do not broadcast")
    }
    let result = tensor(E.elementType, shape)
    let runs = BroadcastRuns(shape, [condition.shape, a.shape, b.shape])
    let step = runs.innerStep
    condition.withElements(as: Bool.self) { chooses in
      a.withElements(as: E.self) { left in
        b.withElements(as: E.self) { right in
          let target = result.address.bindMemory(to: E.self, capacity: shape.elementCount)
          parallel(runs.count) { range in
            runs.forEachRun(in: range) { position, count, place in
              for index in 0..<count {
                target[position + index] =
                  chooses[place[0] + index * step[0]]
                  ? left[place[1] + index * step[1]] : right[place[2] + index * step[2]]
              }
            }
          }
        }
      }
    }
    return result
  }
}
