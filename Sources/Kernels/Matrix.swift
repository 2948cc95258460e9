import CLAPACK

/// A dense matrix of float64 numbers in row-major order, for the small linear algebra of calibration.
package struct Matrix: Sendable, Equatable {
  package let rows: Int
  package let columns: Int
  /// The elements, row by row.
  package var elements: [Double]

  /// A matrix of zeros.
  ///
  /// - Throws: if an extent is more than BLAS can count.
  package init(rows: Int, columns: Int) throws(KernelError) {
    try self.init(rows: rows, columns: columns, elements: nil)
  }

  /// A matrix of these elements, given row by row.
  package init(rows: Int, columns: Int, _ elements: [Double]) throws(KernelError) {
    try self.init(rows: rows, columns: columns, elements: elements)
  }

  private init(rows: Int, columns: Int, elements: [Double]?) throws(KernelError) {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    let limit = Int(Int32.max)
    guard 0...limit ~= rows, 0...limit ~= columns, !overflow else {
      throw KernelError("a matrix of \(rows) by \(columns) is too large")
    }
    guard elements.map({ $0.count == count }) ?? true else {
      throw KernelError("\(elements?.count ?? 0) elements for a matrix of \(rows) by \(columns)")
    }
    self.rows = rows
    self.columns = columns
    self.elements = elements ?? [Double](repeating: 0, count: count)
  }

  /// Adds scale A' B', with A' and B' the matrices or their transposes.
  ///
  /// - Throws: if the extents do not agree.
  package mutating func add(
    _ a: Matrix, _ b: Matrix, transposingA: Bool = false, transposingB: Bool = false,
    scale: Double = 1
  ) throws(KernelError) {
    let (height, depth) = transposingA ? (a.columns, a.rows) : (a.rows, a.columns)
    let (other, width) = transposingB ? (b.columns, b.rows) : (b.rows, b.columns)
    guard depth == other, height == rows, width == columns else {
      throw KernelError(
        "a product of \(height) x \(depth) and \(other) x \(width) added to \(rows) x \(columns)")
    }
    guard !elements.isEmpty, depth > 0 else { return }
    elements.withUnsafeMutableBufferPointer { c in
      a.elements.withUnsafeBufferPointer { a in
        b.elements.withUnsafeBufferPointer { b in
          clapack_add_product(
            Int32(height), Int32(width), Int32(depth), scale, a.baseAddress, transposingA,
            b.baseAddress, transposingB, c.baseAddress)
        }
      }
    }
  }

  /// A' B', with A' and B' the matrices or their transposes.
  package static func product(
    _ a: Matrix, _ b: Matrix, transposingA: Bool = false, transposingB: Bool = false
  ) throws(KernelError) -> Matrix {
    var result = try Matrix(
      rows: transposingA ? a.columns : a.rows, columns: transposingB ? b.rows : b.columns)
    try result.add(a, b, transposingA: transposingA, transposingB: transposingB)
    return result
  }

  /// Adds A^T A to the upper triangle, diagonal included; `mirror` completes the matrix.
  ///
  /// - Throws: if this matrix is not square of A's columns.
  package mutating func addGram(of a: Matrix) throws(KernelError) {
    guard rows == columns, a.columns == rows else {
      throw KernelError("the gram matrix of \(a.columns) columns added to \(rows) x \(columns)")
    }
    guard a.rows > 0, rows > 0 else { return }
    let (order, count) = (Int32(columns), Int32(a.rows))
    elements.withUnsafeMutableBufferPointer { c in
      a.elements.withUnsafeBufferPointer { a in
        clapack_add_gram(order, count, a.baseAddress, c.baseAddress)
      }
    }
  }

  /// Copies the upper triangle of a square matrix into the lower one.
  package mutating func mirror() {
    let order = min(rows, columns)
    elements.withUnsafeMutableBufferPointer { elements in
      for row in 0..<order {
        for column in 0..<row {
          elements[row * columns + column] = elements[column * columns + row]
        }
      }
    }
  }

  /// The sum of the diagonal.
  package var trace: Double {
    (0..<min(rows, columns)).reduce(0) { $0 + elements[$1 * columns + $1] }
  }

  /// The sum of the products of elements in the same place.
  ///
  /// - Precondition: both have the same extents.
  package func dot(_ other: Matrix) -> Double {
    precondition(rows == other.rows && columns == other.columns, "matrices of different extents")
    return elements.withUnsafeBufferPointer { a in
      other.elements.withUnsafeBufferPointer { b in
        var sum = 0.0
        for index in a.indices { sum += a[index] * b[index] }
        return sum
      }
    }
  }

  /// These rows alone.
  package func rows(_ range: Range<Int>) throws(KernelError) -> Matrix {
    guard range.lowerBound >= 0, range.upperBound <= rows else {
      throw KernelError("rows \(range) of \(rows)")
    }
    return try Matrix(
      rows: range.count, columns: columns,
      Array(elements[range.lowerBound * columns..<range.upperBound * columns]))
  }

  /// The transpose.
  package func transposed() throws(KernelError) -> Matrix {
    var result = try Matrix(rows: columns, columns: rows)
    for row in 0..<rows {
      for column in 0..<columns {
        result.elements[column * rows + row] = elements[row * columns + column]
      }
    }
    return result
  }
}
