// The syntax of a .nn file. Only syntax: no actions, no predicates; names, shapes and types are decided later.
//
// The parser reads tokens that the pre-pass (frontend/lines.h) has prepared, so the rules may count on this:
//  - brackets are balanced, whatever the text says;
//  - NL appears only where it ends a statement, once, and every statement ends with one, the last before `}` included;
//  - `;` has become NL; a `[` whose own text holds an arrow has become MAP, the opener of shape notation.
//
// Every decision is made on the next two tokens at most. What looks alike and differs in meaning (a label and a slice
// written with a colon, an index and compile-time arguments, a target and a value) is one rule here and told apart when
// the tree is built, where there is a sentence to say about the wrong ones.
grammar Nn;

tokens { MAP }

file: NL? statement* EOF;

block: '{' NL? statement* '}';

statement
  : (use | hyper | data | callable | train | search | let | var | state | param | metric | every | exprOrAssign) NL
  | misplaced
  ;

// What cannot start a statement; the rest of the line is then read as one of its own.
misplaced
  : '+' | '*' | '/' | '//' | '%' | '@' | '^' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'and' | 'or' | '|>' | '->'
  | '=' | ',' | ':' | '.' | '..' | '.*' | '.**' | '\'' | '[' | MAP | '{' | 'else' | REST | ')' | ']' | NL | BAD
  ;

// ---- Definitions ----

use: 'use' name ('.' name)* ('as' name)?;

hyper: 'hyper' name (':' type)? '=' expr ('in' domain)?;
domain: '[' expr (',' expr)* ','? ']' | range;

data: 'data' name 'from' name ('(' args? ')')? '{' NL? dataLine* '}';
dataLine
  : (let | field) NL
  | misplaced
  ;
field: name (':' type)? '=' expr;

callable: 'export'? ('fn' | 'layer') name ('[' params? ']')? '(' params? ')' ('->' type)? block;
params: parameter (',' parameter)* ','?;
parameter: name (':' type)? ('=' expr)?;

train: 'train' name ('on' name ('.' name)*)? ('(' args? ')')? block;
search: 'search' name ('(' args? ')')?;

// ---- Statements ----

let: 'let' pattern (':' type)? '=' expr;
var: 'var' pattern (':' type)? '=' expr;
pattern: name | '(' pattern (',' pattern)* ','? ')';

state: 'state' name (':' type)? ('=' expr)?;
param: 'param' name (':' type)? ('=' expr)?;
metric: 'metric' name '=' expr;
every: 'every' expr block;
exprOrAssign: expr ('=' expr)?;

// ---- Types ----

type
  : name shape? bound?
  | shape bound?
  | '(' type (',' type)* ','? ')'
  ;
shape: '[' (dim (',' dim)* ','?)? ']';
dim: REST | term;
bound: ('<' | '<=') term;

// ---- Expressions ----

expr: lambda | labelled ('|>' stage)*;
lambda: 'fn' '(' params? ')' block;
labelled: term (':' term)?;

// A stage is a call, or a name to be called; it owns the brackets and parentheses that follow it.
stage: chain (':' chain)?;
chain: name trailer*;

// From the tightest to the loosest.
term
  : primary trailer*                                                 # postfix
  | <assoc = right> term op = '^' term                               # binary
  | op = '-' term                                                    # unary
  | term op = ('*' | '/' | '//' | '%' | '@') term                    # binary
  | term op = ('+' | '-') term                                       # binary
  | term op = ('==' | '!=' | '<' | '<=' | '>' | '>=') term           # binary
  | op = 'not' term                                                  # unary
  | term op = 'and' term                                             # binary
  | term op = 'or' term                                              # binary
  ;

primary
  : INT | FLOAT | STRING | 'true' | 'false'
  | name
  | parens
  | ifExpr
  | forExpr
  ;
parens: '(' expr (',' expr)* ','? ')';
ifExpr: 'if' expr block ('else' (ifExpr | block))?;
forExpr: 'for' forIndex (',' forIndex)* block;
forIndex: name 'in' range;

trailer
  : '(' args? ')'                                                    # call
  | '[' args? ']'                                                    # bracket
  | MAP axes (',' axes)* '->' axes (',' arg)* ','? ']'               # map
  | '.' (name | INT)                                                 # member
  | ('.*' | '.**')                                                   # wild
  | '\''                                                             # transpose
  ;
args: arg (',' arg)* ','?;
arg: name '=' range | range | ':';
range: expr ('..' expr?)? | '..' expr?;

axes: axis*;
axis: INT | name | REST | '(' axis* ')';

// Words with a meaning in one place only stay usable as names everywhere else.
name: NAME | 'in' | 'on' | 'from' | 'as' | 'data' | 'train' | 'search' | 'metric';

// ---- Tokens ----

USE: 'use'; HYPER: 'hyper'; DATA: 'data'; FROM: 'from'; AS: 'as'; FN: 'fn'; LAYER: 'layer'; EXPORT: 'export';
TRAIN: 'train'; ON: 'on'; SEARCH: 'search'; LET: 'let'; VAR: 'var'; STATE: 'state'; PARAM: 'param'; METRIC: 'metric';
EVERY: 'every'; IF: 'if'; ELSE: 'else'; FOR: 'for'; IN: 'in'; AND: 'and'; OR: 'or'; NOT: 'not';
TRUE: 'true'; FALSE: 'false';

LPAREN: '('; RPAREN: ')'; LBRACKET: '['; RBRACKET: ']'; LBRACE: '{'; RBRACE: '}';
COMMA: ','; COLON: ':'; ASSIGN: '='; ARROW: '->'; PIPE: '|>'; DOT: '.'; RANGE: '..'; WILD: '.*'; DEEPWILD: '.**';
PLUS: '+'; MINUS: '-'; STAR: '*'; SLASH: '/'; FLOORDIV: '//'; PERCENT: '%'; AT: '@'; CARET: '^';
EQ: '=='; NE: '!='; LT: '<'; LE: '<='; GT: '>'; GE: '>='; TICK: '\'';

REST: '...' NAME;
FLOAT: DIGITS '.' DIGITS EXPONENT? | DIGITS EXPONENT;
INT: DIGITS;
STRING: '"' (~["\\\r\n] | '\\' ~[\r\n])* '"';
NAME: [A-Za-z_] [A-Za-z0-9_]*;

SEMICOLON: ';';
NL: '\r'? '\n';
SPACE: [ \t\r]+ -> channel(HIDDEN);
COMMENT: '#' ~[\r\n]* -> channel(HIDDEN);

// What other languages write; the pre-pass says what to write here and goes on with that.
FOREIGN: '**' | '+=' | '-=' | '*=' | '/=' | '&&' | '||' | '!' | '=>' | '|';
OPENSTRING: '"' (~["\\\r\n] | '\\' ~[\r\n])* '\\'?;
BAD: .;

fragment DIGITS: [0-9]+;
fragment EXPONENT: [eE] [+-]? DIGITS;
