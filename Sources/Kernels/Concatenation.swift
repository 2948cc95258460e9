package import Tensors

extension Workspace {
  /// The tensors one after the other along `axis`.
  ///
  /// The layout that all of them share is kept, unless blocks of channels would have to be cut.
  ///
  /// - Precondition: the element types agree, and the shapes do in all dimensions but `axis`.
  package func concatenate(_ terms: [Tensor], axis: Int) -> Tensor {
    let layout = sharedLayout(of: terms.map { ($0.layout, $0.shape) }, cutting: axis)
    let terms = layout == .rowMajor ? terms.map(rowMajor) : terms
    var dimensions = terms[0].shape.dimensions
    dimensions[axis] = terms.reduce(0) { $0 + $1.shape[axis] }
    let result = tensor(terms[0].elementType, Shape(dimensions), layout: layout)
    copy(
      terms.map { ($0.address, $0.shape) }, to: result.address, result.shape, layout, axis,
      elementSize: result.elementType.size, intoParts: false)
    withExtendedLifetime(terms) {}
    return result
  }

  /// `x` cut along `axis` into tensors of these extents.
  ///
  /// The layout of `x` is kept, unless blocks of channels would have to be cut.
  ///
  /// - Precondition: the sizes are not negative and add up to the extent of `x`.
  package func split(_ x: Tensor, axis: Int, sizes: [Int]) -> [Tensor] {
    let shapes = sizes.map { size in
      var dimensions = x.shape.dimensions
      dimensions[axis] = size
      return Shape(dimensions)
    }
    let layout = sharedLayout(of: shapes.map { (x.layout, $0) }, cutting: axis)
    let x = layout == .rowMajor ? rowMajor(x) : x
    let parts = shapes.map { tensor(x.elementType, $0, layout: layout) }
    copy(
      parts.map { ($0.address, $0.shape) }, to: x.address, x.shape, layout, axis,
      elementSize: x.elementType.size, intoParts: true)
    withExtendedLifetime(x) {}
    return parts
  }

  /// The layout in which parts can be joined along `axis` by copying runs of memory.
  private func sharedLayout(of parts: [(layout: Layout, shape: Shape)], cutting axis: Int) -> Layout
  {
    guard let layout = parts.first?.layout, parts.allSatisfy({ $0.layout == layout }) else {
      return .rowMajor
    }
    if axis == 1, parts.contains(where: { layout.pads($0.shape) || $0.shape[1] == 0 }) {
      return .rowMajor
    }
    return layout
  }

  /// Copies runs between parts and the whole that they make up along `axis`.
  private func copy(
    _ parts: [(address: UnsafeMutableRawPointer, shape: Shape)],
    to whole: UnsafeMutableRawPointer, _ shape: Shape, _ layout: Layout, _ axis: Int,
    elementSize: Int, intoParts: Bool
  ) {
    let stride = layout.runLength(of: shape, from: axis)
    guard stride > 0 else { return }
    let repeats = layout.paddedCount(of: shape) / stride
    var offset = 0
    for part in parts {
      let run = layout.runLength(of: part.shape, from: axis)
      let copy = StridedCopy(
        [repeats, run], sourceStrides: [intoParts ? stride : run, 1],
        targetStrides: [intoParts ? run : stride, 1])
      let place = whole + offset * elementSize
      if intoParts {
        copy.run(from: place, to: part.address, elementSize: elementSize)
      } else {
        copy.run(from: part.address, to: place, elementSize: elementSize)
      }
      offset += run
    }
  }
}

extension Layout {
  /// Elements in memory that one step along the dimension outside `axis` skips: the extent of
  /// `axis` and of everything that lies further in, padding included.
  fileprivate func runLength(of shape: Shape, from axis: Int) -> Int {
    let padded: [Int]
    let position: Int
    switch self {
    case .rowMajor, .bits:
      (padded, position) = (shape.dimensions, axis)
    case .channelsLast:
      padded = [shape[0]] + shape.dimensions.dropFirst(2) + [shape[1]]
      position = axis == 0 ? 0 : axis == 1 ? shape.rank - 1 : axis - 1
    case .blockedChannels(let block):
      let blocks = (shape[1] + block - 1) / block
      padded = [shape[0], blocks] + shape.dimensions.dropFirst(2) + [block]
      position = axis
    }
    return padded[position...].reduce(1, *)
  }
}
