import CDNNL
import CLAPACK
package import Tensors

extension Workspace {
  /// alpha * A B + beta * C for the matrices in the last two dimensions of `a` and `b`, either of
  /// them transposed first, negative results replaced by 0 if `rectified`.
  ///
  /// Leading dimensions agree or are stretched; `addend` is stretched to the result. Factors are
  /// used where they lie, so that large weights are not copied.
  ///
  /// - Parameter leavesOutZeros: whether zeros of `a` may be left out, whatever they are multiplied by:
  ///   gradients behind rectifiers have many.
  package func product(
    _ a: Tensor, _ b: Tensor, transposingA: Bool = false, transposingB: Bool = false,
    alpha: Double = 1, addend: Tensor? = nil, beta: Double = 1, rectified: Bool = false,
    leavingOutZeros leavesOutZeros: Bool = false
  ) throws(KernelError) -> Tensor {
    let plan = try ProductPlan(a.shape, b.shape, transposingA, transposingB)
    guard plan.shape.elementCount > 0 else { return tensor(a.elementType, plan.shape) }
    let (a, b) = (rowMajor(a), rowMajor(b))
    let addend = beta == 0 ? nil : addend
    if a.elementType == .float64 {
      return try directProduct(a, b, plan, alpha, addend, beta, rectified, Double.self)
    }
    if plan.depth == 0 {
      return try directProduct(a, b, plan, alpha, addend, beta, rectified, Float.self)
    }
    if plan.isRowTimesLargeMatrix, !rectified {
      return try rowProduct(a, b, plan, alpha, addend, beta, leavesOutZeros)
    }
    let bias = alpha == 1 && beta == 1 ? addend.flatMap(plan.row) : nil
    let primitive = try primitives.primitive(
      ProductPrimitive(
        plan: plan, alpha: Float(alpha), beta: addend == nil || bias != nil ? 0 : Float(beta),
        hasBias: bias != nil, isRectified: rectified))
    let result = tensor(.float32, plan.shape)
    if let addend, bias == nil { try stretch(addend, to: plan.shape).copyElements(to: result) }
    var buffers = [a.address, b.address, result.address]
    if let bias { buffers.append(bias.address) }
    try primitives.execute(primitive, buffers)
    withExtendedLifetime((a, b, bias)) {}
    return result
  }

  /// A product that reads each element of the large factor once, or not at all: BLAS streams it from
  /// memory, where oneDNN first packs it.
  private func rowProduct(
    _ a: Tensor, _ b: Tensor, _ plan: ProductPlan, _ alpha: Double, _ addend: Tensor?,
    _ beta: Double, _ leavesOutZeros: Bool
  ) throws(KernelError) -> Tensor {
    let result = tensor(.float32, plan.shape)
    if let addend { try stretch(addend, to: plan.shape).copyElements(to: result) }
    let scale = addend == nil ? 0 : Float(beta)
    // Weights in a file may lie at odd addresses; a copy would cost more than the product.
    let matrix = b.address.assumingMemoryBound(to: Float.self)
    let row = a.address.assumingMemoryBound(to: Float.self)
    let sums = result.address.assumingMemoryBound(to: Float.self)
    if plan.bSteps.column == 1 {
      let columns = plan.columns
      let runs =
        leavesOutZeros
        ? UnsafeBufferPointer(start: row, count: plan.depth).runsOfNonZeros : [0..<plan.depth]
      parallel(columns, grain: 1024) { range in
        for index in range { sums[index] = scale == 0 ? 0 : scale * sums[index] }
        for run in runs {
          clapack_multiply_vector(
            Int32(run.count), Int32(range.count), Int32(columns), Float(alpha),
            matrix + run.lowerBound * columns + range.lowerBound, true, row + run.lowerBound, 1,
            sums + range.lowerBound)
        }
      }
    } else {
      clapack_multiply_vector(
        Int32(plan.columns), Int32(plan.depth), Int32(plan.depth), Float(alpha), matrix, false, row,
        scale, sums)
    }
    withExtendedLifetime((a, b)) {}
    return result
  }

  private func directProduct<E: BinaryFloatingPoint & NumericElement>(
    _ a: Tensor, _ b: Tensor, _ plan: ProductPlan, _ alpha: Double, _ addend: Tensor?,
    _ beta: Double, _ rectified: Bool, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    let result = tensor(E.elementType, plan.shape)
    let target = result.address.bindMemory(to: E.self, capacity: plan.shape.elementCount)
    let (rows, columns, depth) = (plan.rows, plan.columns, plan.depth)
    let offsets = plan.offsets()
    a.withElements(as: E.self) { a in
      b.withElements(as: E.self) { b in
        parallel(offsets.count * rows, grain: 1) { range in
          for place in range {
            let (batch, row) = (place / rows, place % rows)
            let sums = target + place * columns
            let left = offsets[batch].a + row * plan.aSteps.row
            sums.update(repeating: 0, count: columns)
            if plan.bSteps.column == 1 {
              for k in 0..<depth {
                let factor = a[left + k * plan.aSteps.column]
                let right = offsets[batch].b + k * columns
                for column in 0..<columns { sums[column] += factor * b[right + column] }
              }
            } else {
              for column in 0..<columns {
                let right = offsets[batch].b + column * depth
                var sum: E = 0
                for k in 0..<depth { sum += a[left + k * plan.aSteps.column] * b[right + k] }
                sums[column] = sum
              }
            }
          }
        }
      }
    }
    let scale = E(alpha)
    for index in 0..<plan.shape.elementCount { target[index] *= scale }
    if let addend {
      try stretch(addend, to: plan.shape).withElements(as: E.self) { addend in
        for index in addend.indices { target[index] += E(beta) * addend[index] }
      }
    }
    if rectified {
      for index in 0..<plan.shape.elementCount where target[index] < 0 { target[index] = 0 }
    }
    return result
  }
}

extension UnsafeBufferPointer<Float> {
  /// The ranges of neighbours that are not zero.
  fileprivate var runsOfNonZeros: [Range<Int>] {
    var runs: [Range<Int>] = []
    var start = 0
    for index in 0...count where index == count || self[index] == 0 {
      if start < index { runs.append(start..<index) }
      start = index + 1
    }
    return runs
  }
}

/// The extents and strides of a product.
private struct ProductPlan: Hashable {
  /// Elements to skip for the next row and column of a matrix.
  struct Steps: Hashable {
    let row: Int
    let column: Int
  }

  let shape: Shape
  let rows: Int
  let columns: Int
  let depth: Int
  let aSteps: Steps
  let bSteps: Steps
  /// Extents of the stacks, of one rank.
  let aBatch: [Int]
  let bBatch: [Int]

  init(
    _ a: Shape, _ b: Shape, _ transposingA: Bool, _ transposingB: Bool
  ) throws(KernelError) {
    guard a.rank >= 2, b.rank >= 2,
      let batch = Shape.broadcast(
        Shape(Array(a.dropLast(2))), Shape(Array(b.dropLast(2))))
    else {
      throw KernelError("\(a) and \(b) are not stacks of matrices that agree")
    }
    let (aRows, aColumns) = (a[a.rank - 2], a[a.rank - 1])
    let (bRows, bColumns) = (b[b.rank - 2], b[b.rank - 1])
    let (inner, height) = transposingA ? (aRows, aColumns) : (aColumns, aRows)
    let (other, width) = transposingB ? (bColumns, bRows) : (bRows, bColumns)
    guard inner == other, let shape = Shape(checking: batch.dimensions + [height, width]) else {
      throw KernelError("a product of \(inner) columns by \(other) rows")
    }
    self.shape = shape
    columns = width
    depth = inner
    aSteps = transposingA ? Steps(row: 1, column: aColumns) : Steps(row: aColumns, column: 1)
    bSteps = transposingB ? Steps(row: 1, column: bColumns) : Steps(row: bColumns, column: 1)
    let aStack = [Int](repeating: 1, count: batch.rank + 2 - a.rank) + a.dropLast(2)
    let bStack = [Int](repeating: 1, count: batch.rank + 2 - b.rank) + b.dropLast(2)
    if !transposingA, bStack.allSatisfy({ $0 == 1 }) {
      rows = height * batch.elementCount
      (aBatch, bBatch) = ([], [])
    } else {
      rows = height
      let agree = aStack == bStack
      aBatch = agree ? [batch.elementCount] : aStack
      bBatch = agree ? [batch.elementCount] : bStack
    }
  }

  /// Whether this is one row times a matrix that no cache holds.
  var isRowTimesLargeMatrix: Bool {
    rows == 1 && shape.elementCount == columns && depth * columns >= 1 << 18
      && max(depth, columns) <= Int(Int32.max)
  }

  /// `addend` as a row that is added to every row of the result, if it is one.
  func row(_ addend: Tensor) -> Tensor? {
    addend.shape.last == columns && addend.elementCount == columns ? addend : nil
  }

  /// Where the matrices of each product of the stack begin.
  func offsets() -> [(a: Int, b: Int)] {
    let (a, b) = (Shape(aBatch), Shape(bBatch))
    let batch = Shape(zip(aBatch, bBatch).map(max))
    let (aStrides, bStrides) = (a.stretchedStrides(to: batch), b.stretchedStrides(to: batch))
    return (0..<batch.elementCount).map { index in
      var (rest, matrices) = (index, (a: 0, b: 0))
      for axis in batch.indices.reversed() {
        matrices.a += rest % batch[axis] * aStrides[axis] * rows * depth
        matrices.b += rest % batch[axis] * bStrides[axis] * depth * columns
        rest /= batch[axis]
      }
      return matrices
    }
  }
}

private struct ProductPrimitive: PrimitiveDescription {
  let plan: ProductPlan
  let alpha: Float
  let beta: Float
  let hasBias: Bool
  let isRectified: Bool

  var title: String { "matrix product" }

  func compile(on engine: OpaquePointer, into primitive: inout OpaquePointer?) -> Int32 {
    let batch = Shape(zip(plan.aBatch, plan.bBatch).map(max))
    let (rows, columns, depth) = (plan.rows, plan.columns, plan.depth)
    func strides(_ stack: [Int], _ size: Int, _ steps: ProductPlan.Steps) -> [Int] {
      Shape(stack).strides.map { $0 * size } + [steps.row, steps.column]
    }
    let lists = [
      plan.aBatch + [rows, depth], strides(plan.aBatch, rows * depth, plan.aSteps),
      plan.bBatch + [depth, columns], strides(plan.bBatch, depth * columns, plan.bSteps),
      batch + [rows, columns],
      strides(batch.dimensions, rows * columns, ProductPlan.Steps(row: columns, column: 1)),
    ]
    return withPointers(to: lists) { lists in
      var product = cdnnl_product(
        rank: Int32(batch.rank + 2), a: lists[0], a_strides: lists[1], b: lists[2],
        b_strides: lists[3], c: lists[4], c_strides: lists[5], alpha: alpha, beta: beta,
        has_bias: hasBias, has_relu: isRectified)
      return cdnnl_product_create(engine, &product, &primitive)
    }
  }
}
