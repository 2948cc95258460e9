package import Tensors

/// A tensor whose dimensions carry labels, each at most once.
private struct LabelledTensor {
  var tensor: Tensor
  var labels: [Int]

  func extent(of label: Int) -> Int {
    labels.firstIndex(of: label).map { tensor.shape[$0] } ?? 1
  }
}

extension Workspace {
  /// The sum of the products of elements whose coordinates agree at equal labels, over all labels
  /// that the result does not have: Einstein's convention.
  ///
  /// Operands are combined from left to right, each pair as a stack of matrix products.
  ///
  /// - Precondition: every operand is float32 or float64 and has one label per dimension; extents of
  ///   equal labels are equal or 1; the output's labels are distinct and occur in the operands.
  package func contract(
    _ operands: [Tensor], labels: [[Int]], output: [Int]
  ) throws(KernelError) -> Tensor {
    var extents: [Int: Int] = [:]
    for (operand, labels) in zip(operands, labels) {
      for (label, extent) in zip(labels, operand.shape) where extents[label] ?? 1 == 1 {
        extents[label] = extent
      }
    }
    var terms: [LabelledTensor] = []
    for (operand, labels) in zip(operands, labels) {
      terms.append(try diagonal(of: operand, labels, extents))
    }
    guard var result = terms.first else { throw KernelError("there are no operands") }
    for (index, term) in terms.enumerated().dropFirst() {
      let needed = Set(output).union(terms[(index + 1)...].flatMap(\.labels))
      result = try multiply(result, term, keeping: needed)
    }
    result = try sum(result, keeping: Set(output))
    return permuted(result, to: output).tensor
  }

  /// The elements of `x` at equal coordinates of dimensions with equal labels, stretched to `extents`.
  private func diagonal(
    of x: Tensor, _ labels: [Int], _ extents: [Int: Int]
  ) throws(KernelError) -> LabelledTensor {
    var strides: [Int] = []
    var distinct: [Int] = []
    for (label, (extent, stride)) in zip(labels, zip(x.shape, x.shape.strides)) {
      let step = extent == 1 ? 0 : stride
      if let place = distinct.firstIndex(of: label) {
        strides[place] += step
      } else {
        distinct.append(label)
        strides.append(step)
      }
    }
    let shape = try bounded(distinct.map { extents[$0] ?? 1 })
    let isWhole = distinct.count == labels.count && shape == x.shape
    return LabelledTensor(
      tensor: isWhole ? x : gathered(x, strides: strides, shape: shape), labels: distinct)
  }

  private func multiply(
    _ a: LabelledTensor, _ b: LabelledTensor, keeping needed: Set<Int>
  ) throws(KernelError) -> LabelledTensor {
    let a = try sum(a, keeping: needed.union(b.labels))
    let b = try sum(b, keeping: needed.union(a.labels))
    let shared = a.labels.filter { b.labels.contains($0) }
    let stacked = shared.filter { needed.contains($0) }
    let summed = shared.filter { !needed.contains($0) }
    let rows = a.labels.filter { !shared.contains($0) }
    let columns = b.labels.filter { !shared.contains($0) }
    let labels = stacked + rows + columns
    let shape = try bounded(
      labels.map { a.labels.contains($0) ? a.extent(of: $0) : b.extent(of: $0) })
    let count = { (labels: [Int], x: LabelledTensor) in
      labels.reduce(1) { $0 * x.extent(of: $1) }
    }
    let left = permuted(a, to: stacked + rows + summed).tensor
      .reshaped(to: Shape([count(stacked, a), count(rows, a), count(summed, a)]))
    let right = permuted(b, to: stacked + summed + columns).tensor
      .reshaped(to: Shape([count(stacked, b), count(summed, b), count(columns, b)]))
    return LabelledTensor(tensor: try product(left, right).reshaped(to: shape), labels: labels)
  }

  /// The shape of an intermediate result, which may be larger than operands and output.
  private func bounded(_ dimensions: [Int]) throws(KernelError) -> Shape {
    guard let shape = Shape(checking: dimensions), shape.elementCount <= 1 << 31 else {
      throw KernelError("an intermediate result of the extents \(dimensions) is too large")
    }
    return shape
  }

  /// `x` summed over the labels that are not needed.
  private func sum(
    _ x: LabelledTensor, keeping needed: Set<Int>
  ) throws(KernelError) -> LabelledTensor {
    let kept = x.labels.filter { needed.contains($0) }
    guard kept.count < x.labels.count else { return x }
    let flat = Shape(x.labels.map { needed.contains($0) ? x.extent(of: $0) : 1 })
    let sums = try sum(x.tensor, to: flat)
    return LabelledTensor(
      tensor: sums.reshaped(to: Shape(kept.map { x.extent(of: $0) })), labels: kept)
  }

  /// `x` with its dimensions in the order of `labels`.
  private func permuted(_ x: LabelledTensor, to labels: [Int]) -> LabelledTensor {
    guard x.labels != labels else { return x }
    let order = labels.compactMap { x.labels.firstIndex(of: $0) }
    return LabelledTensor(tensor: transpose(x.tensor, by: order), labels: labels)
  }
}
