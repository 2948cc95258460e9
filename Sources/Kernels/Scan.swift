package import Tensors

extension Workspace {
  /// The first or last place of the largest or smallest element along an axis, as int64; the axis
  /// keeps an extent of 1. NaN counts as the extremum.
  package func extremum(
    of x: Tensor, axis: Int, largest: Bool, selectLast: Bool
  ) throws(KernelError) -> Tensor {
    let x = rowMajor(x)
    return switch x.elementType {
    case .float32: extremum(x, axis, largest, selectLast, Float.self)
    case .float64: extremum(x, axis, largest, selectLast, Double.self)
    case .int8: extremum(x, axis, largest, selectLast, Int8.self)
    case .int16: extremum(x, axis, largest, selectLast, Int16.self)
    case .int32: extremum(x, axis, largest, selectLast, Int32.self)
    case .int64: extremum(x, axis, largest, selectLast, Int64.self)
    case .uint8: extremum(x, axis, largest, selectLast, UInt8.self)
    case .uint16: extremum(x, axis, largest, selectLast, UInt16.self)
    case .uint32: extremum(x, axis, largest, selectLast, UInt32.self)
    case .uint64: extremum(x, axis, largest, selectLast, UInt64.self)
    case .bool, .float16, .bfloat16: throw Self.undefined(x.elementType)
    }
  }

  private func extremum<E: ArithmeticElement>(
    _ x: Tensor, _ axis: Int, _ largest: Bool, _ selectLast: Bool, _ type: E.Type
  ) -> Tensor {
    let lines = Lines(x.shape, axis)
    let shape = x.shape.reduced(along: [axis], keepDimensions: true)
    return x.withElements(as: E.self) { source in
      tensor(Int64.self, shape) { target in
        for line in 0..<lines.count {
          let first = lines.start(of: line)
          var (best, place) = (source[first], 0)
          for index in 1..<max(1, lines.length) where best == best {
            let element = source[first + index * lines.step]
            let isBetter = element != element || (largest ? element > best : element < best)
            if isBetter || (selectLast && element == best) { (best, place) = (element, index) }
          }
          target.initializeElement(at: line, to: Int64(place))
        }
      }
    }
  }

  /// Running sums, or products, along an axis.
  ///
  /// - Parameters:
  ///   - exclusive: whether an element leaves itself out.
  ///   - reverse: whether to start at the end.
  package func accumulate(
    _ x: Tensor, axis: Int, products: Bool = false, exclusive: Bool, reverse: Bool
  ) throws(KernelError) -> Tensor {
    let x = rowMajor(x)
    let scan = Scan(axis: axis, exclusive: exclusive, reverse: reverse)
    return switch (x.elementType, products) {
    case (.float32, false):
      accumulate(x, scan, from: 0, { (sum: Double, x: Float) in sum + Double(x) }, { Float($0) })
    case (.float32, true):
      accumulate(x, scan, from: 1, { (sum: Double, x: Float) in sum * Double(x) }, { Float($0) })
    case (.float64, false): accumulate(x, scan, from: 0.0, +, { $0 })
    case (.float64, true): accumulate(x, scan, from: 1.0, *, { $0 })
    case (.int32, false): accumulate(x, scan, from: 0 as Int32, &+, { $0 })
    case (.int32, true): accumulate(x, scan, from: 1 as Int32, &*, { $0 })
    case (.int64, false): accumulate(x, scan, from: 0 as Int64, &+, { $0 })
    case (.int64, true): accumulate(x, scan, from: 1 as Int64, &*, { $0 })
    case (.uint32, false): accumulate(x, scan, from: 0 as UInt32, &+, { $0 })
    case (.uint32, true): accumulate(x, scan, from: 1 as UInt32, &*, { $0 })
    case (.uint64, false): accumulate(x, scan, from: 0 as UInt64, &+, { $0 })
    case (.uint64, true): accumulate(x, scan, from: 1 as UInt64, &*, { $0 })
    default: throw Self.undefined(x.elementType)
    }
  }

  private func accumulate<E: Element, Partial>(
    _ x: Tensor, _ scan: Scan, from initial: Partial, _ combine: (Partial, E) -> Partial,
    _ finish: (Partial) -> E
  ) -> Tensor {
    let lines = Lines(x.shape, scan.axis)
    return x.withElements(as: E.self) { source in
      tensor(E.self, x.shape) { target in
        for line in 0..<lines.count {
          let first = lines.start(of: line)
          var running = initial
          for index in 0..<lines.length {
            let along = scan.reverse ? lines.length - 1 - index : index
            let place = first + along * lines.step
            let before = running
            running = combine(running, source[place])
            target.initializeElement(at: place, to: finish(scan.exclusive ? before : running))
          }
        }
      }
    }
  }
}

/// Along which axis sums run, and how.
private struct Scan {
  let axis: Int
  let exclusive: Bool
  let reverse: Bool
}

/// The lines of a row-major tensor along one axis.
private struct Lines {
  /// How many there are; none if the tensor is empty.
  let count: Int
  /// The extent of the axis.
  let length: Int
  /// Elements from one place of a line to the next.
  let step: Int

  init(_ shape: Shape, _ axis: Int) {
    let isEmpty = shape.elementCount == 0
    self.length = shape[axis]
    self.step = isEmpty ? 0 : shape[(axis + 1)...].reduce(1, *)
    self.count = isEmpty ? 0 : shape[..<axis].reduce(1, *) * step
  }

  /// The first element of a line.
  func start(of line: Int) -> Int { line / step * length * step + line % step }
}
